# A network that is there already.
docker run -d --name @back@ --net street -v /srv/records:/www busybox httpd -f -p @back_port@ -h /www
docker run -d --name @front@ --net street -p @port@:80 -v /srv/front.conf:/etc/nginx/conf.d/default.conf nginx
