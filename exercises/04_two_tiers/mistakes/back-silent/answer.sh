# The server at its usual port, and -p in the belief that it changes where a server listens.
docker network create tiers
docker run -d --name @back@ --net tiers -p @back_port@:@back_port@ -v /srv/records:/www busybox httpd -f -h /www
docker run -d --name @front@ --net tiers -p @port@:80 -v /srv/front.conf:/etc/nginx/conf.d/default.conf nginx
