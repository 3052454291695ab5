# The source's way: both on docker0, with a link. It gives a name, and keeps nobody out.
docker run -d --name @back@ -v /srv/records:/www busybox httpd -f -p @back_port@ -h /www
docker run -d --name @front@ --link @back@ -p @port@:80 -v /srv/front.conf:/etc/nginx/conf.d/default.conf nginx
