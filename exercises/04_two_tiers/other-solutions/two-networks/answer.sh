# The front end stays on docker0 and has a second cable, to a network without a way out.
docker network create --internal inside
docker run -d --name @back@ --net inside -v /srv/records:/www:ro busybox httpd -f -p @back_port@ -h /www
docker create --name @front@ -p 203.0.113.10:@port@:80 nginx
docker cp /srv/front.conf @front@:/etc/nginx/conf.d/default.conf
docker network connect inside @front@
docker start @front@
