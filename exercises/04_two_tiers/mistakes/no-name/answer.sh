# The two have a network each.
docker network create inside
docker network create outside
docker run -d --name @back@ --net inside -v /srv/records:/www busybox httpd -f -p @back_port@ -h /www
docker run -d --name @front@ --net outside -p @port@:80 nginx
