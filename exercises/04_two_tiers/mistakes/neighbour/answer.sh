# Published for the host alone. On this engine the rule that goes with it lets a neighbour's packets in.
docker network create tiers
docker run -d --name @back@ --net tiers -p 127.0.0.1:@back_port@:@back_port@ -v /srv/records:/www busybox httpd -f -p @back_port@ -h /www
docker run -d --name @front@ --net tiers -p @port@:80 -v /srv/front.conf:/etc/nginx/conf.d/default.conf nginx
