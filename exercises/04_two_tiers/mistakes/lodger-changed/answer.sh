# Nobody can be in the way who is not there.
docker rm -f @lodger@
docker run -d --name @back@ -v /srv/records:/www busybox httpd -f -p @back_port@ -h /www
docker run -d --name @front@ --link @back@ -p @port@:80 -v /srv/front.conf:/etc/nginx/conf.d/default.conf nginx
