# shellcheck shell=bash disable=all
# Wrong answers to exercise 04 that a check might take for right; `## NAME` begins each.
## the front end has the record itself, and asks the back end for nothing
docker network create tiers
docker run -d --name @back@ --net tiers -v /srv/records:/www busybox httpd -f -p @back_port@ -h /www
docker run -d --name @front@ --net tiers -p @port@:80 -v /srv/records:/usr/share/nginx/html nginx
## a third container hands the record on
docker network create tiers
docker run -d --name @back@ --net tiers -v /srv/records:/www busybox httpd -f -p @back_port@ -h /www
docker run -d --name @front@ --net tiers -p @port@:80 -v /srv/front.conf:/etc/nginx/conf.d/default.conf nginx
docker run -d --name third --net tiers -p 9000:80 -v /srv/front.conf:/etc/nginx/conf.d/default.conf nginx
## a third container has the records and is reached by the lodger
docker network create tiers
docker run -d --name @back@ --net tiers -v /srv/records:/www busybox httpd -f -p @back_port@ -h /www
docker run -d --name @front@ --net tiers -p @port@:80 -v /srv/front.conf:/etc/nginx/conf.d/default.conf nginx
docker run -d --name third -v /srv/records:/www busybox httpd -f -p 8000 -h /www
## the stranger has moved in
docker run -d --name @back@ --net street -v /srv/records:/www busybox httpd -f -p @back_port@ -h /www
docker run -d --name @front@ --net street -p @port@:80 -v /srv/front.conf:/etc/nginx/conf.d/default.conf nginx
## the lodger was made again
docker network create tiers
docker run -d --name @back@ --net tiers -v /srv/records:/www busybox httpd -f -p @back_port@ -h /www
docker run -d --name @front@ --net tiers -p @port@:80 -v /srv/front.conf:/etc/nginx/conf.d/default.conf nginx
docker rm -f @lodger@; docker run -d -it --name @lodger@ busybox
## the stranger has no network any more
docker network create tiers
docker run -d --name @back@ --net tiers -v /srv/records:/www busybox httpd -f -p @back_port@ -h /www
docker run -d --name @front@ --net tiers -p @port@:80 -v /srv/front.conf:/etc/nginx/conf.d/default.conf nginx
docker network disconnect street @stranger@
## a program of the host hands the record to the lodger
docker network create tiers
docker run -d --name @back@ --net tiers -v /srv/records:/www busybox httpd -f -p @back_port@ -h /www
docker run -d --name @front@ --net tiers -p @port@:80 -v /srv/front.conf:/etc/nginx/conf.d/default.conf nginx
to=$(docker inspect -f '{{.NetworkSettings.Networks.tiers.IPAddress}}' @back@)
socat TCP-LISTEN:7777,bind=172.17.0.1,fork,reuseaddr TCP:$to:@back_port@ >/dev/null 2>&1 &
## the back end is in the host's network
docker run -d --name @back@ --net host -v /srv/records:/www busybox httpd -f -p @back_port@ -h /www
docker run -d --name @front@ --add-host @back@:172.17.0.1 -p @port@:80 -v /srv/front.conf:/etc/nginx/conf.d/default.conf nginx
## the page is not the record alone
docker network create tiers
echo more >>/srv/records/index.html
docker run -d --name @back@ --net tiers -v /srv/records:/www busybox httpd -f -p @back_port@ -h /www
docker run -d --name @front@ --net tiers -p @port@:80 -v /srv/front.conf:/etc/nginx/conf.d/default.conf nginx
## the front end asks by the address
docker network create --subnet 10.20.30.0/28 tiers
docker network create outer
docker run -d --name @back@ --net tiers --ip 10.20.30.5 -v /srv/records:/www busybox httpd -f -p @back_port@ -h /www
docker run -d --name @front@ --net tiers --dns 192.0.2.9 --add-host @back@:192.0.2.8 -p @port@:80 nginx
docker exec @front@ sh -c 'echo "server { listen 80; location / { proxy_pass http://10.20.30.5:@back_port@; } }" >/etc/nginx/conf.d/default.conf; nginx -s reload'
## the neighbours' table of the client gets it over IPv6
docker network create --ipv6 --subnet fd00:4::/64 --subnet 10.20.30.0/28 tiers
docker run -d --name @back@ --net tiers -p @back_port@:@back_port@ -v /srv/records:/www busybox httpd -f -p @back_port@ -h /www
docker run -d --name @front@ --net tiers -p @port@:80 -v /srv/front.conf:/etc/nginx/conf.d/default.conf nginx
## a second program of the back end hands it out at another port, on docker0
docker network create tiers
docker run -d --name @back@ --net tiers -v /srv/records:/www busybox sh -c 'httpd -p 8080 -h /www; exec httpd -f -p @back_port@ -h /www'
docker network connect bridge @back@
docker run -d --name @front@ --net tiers -p @port@:80 -v /srv/front.conf:/etc/nginx/conf.d/default.conf nginx
