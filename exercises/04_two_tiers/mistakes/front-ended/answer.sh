# The front end on docker0: nginx finds no such name, and ends.
docker network create tiers
docker run -d --name @back@ --net tiers -v /srv/records:/www busybox httpd -f -p @back_port@ -h /www
docker run -d --name @front@ -p @port@:80 -v /srv/front.conf:/etc/nginx/conf.d/default.conf nginx
sleep 1
docker network connect tiers @front@
