# A name without a way: the host's address, where nothing of it is published.
docker network create inside
docker run -d --name @back@ --net inside -v /srv/records:/www busybox httpd -f -p @back_port@ -h /www
docker run -d --name @front@ --add-host @back@:203.0.113.10 -p @port@:80 -v /srv/front.conf:/etc/nginx/conf.d/default.conf nginx
