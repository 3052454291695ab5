# "The front end has to reach it, so its port must be published."
docker network create tiers
docker run -d --name @back@ --net tiers -p @back_port@:@back_port@ -v /srv/records:/www busybox httpd -f -p @back_port@ -h /www
docker run -d --name @front@ --net tiers -p @port@:80 -v /srv/front.conf:/etc/nginx/conf.d/default.conf nginx
