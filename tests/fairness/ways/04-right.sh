# shellcheck shell=bash disable=all
# Right answers to exercise 04 of unusual kinds; `## NAME` begins each.
## with --mount, by one tar of the records
docker network create tiers
docker run -d --name @back@ --network tiers --mount type=bind,source=/srv/records,target=/www,readonly busybox httpd -f -p @back_port@ -h /www
docker run -d --name @front@ --network tiers --publish @port@:80 --mount type=bind,source=/srv/front.conf,target=/etc/nginx/conf.d/default.conf nginx
## the back end uses the network of another container
docker network create tiers
docker run -d --name pod --net tiers --network-alias @back@ busybox sleep 1d
docker run -d --name @back@ --net container:pod -v /srv/records:/www busybox httpd -f -p @back_port@ -h /www
docker run -d --name @front@ --net tiers -p @port@:80 -v /srv/front.conf:/etc/nginx/conf.d/default.conf nginx
## the front end uses the network of another container
docker network create tiers
docker run -d --name @back@ --net tiers -v /srv/records:/www busybox httpd -f -p @back_port@ -h /www
docker run -d --name pod --net tiers -p @port@:80 busybox sleep 1d
docker run -d --name @front@ --net container:pod -v /srv/front.conf:/etc/nginx/conf.d/default.conf nginx
## the front end has the name from its hosts file
docker network create --subnet 10.20.30.0/28 tiers
docker run -d --name @back@ --net tiers --ip 10.20.30.5 -v /srv/records:/www busybox httpd -f -p @back_port@ -h /www
docker run -d --name @front@ --net tiers --add-host @back@:10.20.30.5 -p @port@:80 -v /srv/front.conf:/etc/nginx/conf.d/default.conf nginx
## the network has IPv6 too
docker network create --ipv6 --subnet fd00:4::/64 --subnet 10.20.30.0/28 tiers
docker run -d --name @back@ --net tiers -v /srv/records:/www busybox httpd -f -p @back_port@ -h /www
docker run -d --name @front@ --net tiers -p @port@:80 -v /srv/front.conf:/etc/nginx/conf.d/default.conf nginx
## the front end has a second port
docker network create tiers
docker run -d --name @back@ --net tiers -v /srv/records:/www busybox httpd -f -p @back_port@ -h /www
docker run -d --name @front@ --net tiers -p @port@:80 -p 127.0.0.1:8080:80 -v /srv/front.conf:/etc/nginx/conf.d/default.conf nginx
## three networks, two of them between the same two
for net in a b c; do docker network create $net; done
docker run -d --name @back@ --net a -v /srv/records:/www busybox httpd -f -p @back_port@ -h /www
docker network connect b @back@
docker create --name @front@ --net c -p @port@:80 -v /srv/front.conf:/etc/nginx/conf.d/default.conf nginx
docker network connect a @front@; docker network connect b @front@
docker start @front@
## the back end speaks only to the front end, by rules of its own
docker run -d --name @back@ -v /srv/records:/www busybox httpd -f -p @back_port@ -h /www
docker run -d --name @front@ --link @back@ -p @port@:80 -v /srv/front.conf:/etc/nginx/conf.d/default.conf nginx
to=$(docker inspect -f '{{.NetworkSettings.IPAddress}}' @front@)
nsenter -t $(docker inspect -f '{{.State.Pid}}' @back@) -n iptables -A INPUT ! -s $to -p tcp --dport @back_port@ -j DROP
## an image of one's own for the back end
docker network create tiers
mkdir build && cp -r /srv/records build/www
printf 'FROM busybox\nCOPY www /www\nCMD ["httpd", "-f", "-p", "@back_port@", "-h", "/www"]\n' >build/Dockerfile
docker build -t keeper build
docker run -d --name @back@ --net tiers keeper
docker run -d --name @front@ --net tiers -p @port@:80 -v /srv/front.conf:/etc/nginx/conf.d/default.conf nginx
## the front end begins first and is restarted when the name is there
docker network create tiers
docker run -d --name @front@ --net tiers -p @port@:80 -v /srv/front.conf:/etc/nginx/conf.d/default.conf nginx || true
docker run -d --name @back@ --net tiers -v /srv/records:/www busybox httpd -f -p @back_port@ -h /www
docker restart -t 0 @front@
## a volume has the records
docker network create --internal tiers
docker volume create records
docker run --rm -v records:/to -v /srv/records:/from busybox cp -r /from/. /to
docker run -d --name @back@ --net tiers -v records:/www:ro busybox httpd -f -p @back_port@ -h /www
docker create --name @front@ -p @port@:80 -v /srv/front.conf:/etc/nginx/conf.d/default.conf nginx
docker network connect tiers @front@
docker start @front@
## an alias of the back end, and the front end behind a rule of one's own
docker network create tiers
docker run -d --name @back@ --net tiers --network-alias keeper -v /srv/records:/www busybox httpd -f -p @back_port@ -h /www
docker run -d --name @front@ --net tiers -v /srv/front.conf:/etc/nginx/conf.d/default.conf nginx
to=$(docker inspect -f '{{.NetworkSettings.Networks.tiers.IPAddress}}' @front@)
iptables -t nat -A PREROUTING -p tcp -d 203.0.113.10 --dport @port@ -j DNAT --to-destination $to:80
iptables -I DOCKER-USER -p tcp -d $to --dport 80 -j ACCEPT
## another container is there that has nothing to do with it
docker network create tiers
docker run -d --name @back@ --net tiers -v /srv/records:/www busybox httpd -f -p @back_port@ -h /www
docker run -d --name @front@ --net tiers -p @port@:80 -v /srv/front.conf:/etc/nginx/conf.d/default.conf nginx
docker run -d --name other -p 9000:80 nginx
## the front end listens in the host's network
docker network create --subnet 10.20.30.0/28 tiers
docker run -d --name @back@ --net tiers --ip 10.20.30.5 -v /srv/records:/www busybox httpd -f -p @back_port@ -h /www
sed 's/listen 80/listen @port@/' /srv/front.conf >/srv/mine.conf
docker run -d --name @front@ --net host --add-host @back@:10.20.30.5 -v /srv/mine.conf:/etc/nginx/conf.d/default.conf nginx
