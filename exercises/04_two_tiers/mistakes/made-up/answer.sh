# The front end has the records itself.
docker network create tiers
docker run -d --name @back@ --net tiers -v /srv/records:/www busybox httpd -f -p @back_port@ -h /www
docker run -d --name @front@ --net tiers -p @port@:80 -v /srv/records:/usr/share/nginx/html nginx
