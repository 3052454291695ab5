# shellcheck shell=bash disable=all
# Wrong answers to exercise 08 that a check might take for right, as changes of its solution; `## NAME` begins each.
## the second name is in the hosts files of those who ask
#- --ip @address@ --network-alias @alias@
#+ --ip @address@
#- docker create --name @shop@ --net @edge@
#+ docker create --name @shop@ --net @edge@ --add-host @alias@:@address@
#- docker run -d -it --name @clerk@ --net @lane@
#+ docker run -d -it --name @clerk@ --net @lane@ --add-host @alias@:@address@
## the vault has a way out
#- --internal @vault@
#+ @vault@
## only TCP is closed
#- --internal @vault@
#+ @vault@
iptables -I DOCKER-USER -s @vault_subnet@ ! -d @vault_subnet@ -p tcp -j DROP
## only new connections to port 80 are closed
#- --internal @vault@
#+ @vault@
iptables -I DOCKER-USER -s @address@ -p tcp --dport 80 -j DROP
iptables -I DOCKER-USER -s @address@ -p udp -j DROP
iptables -I DOCKER-USER -s @address@ -p icmp -j DROP
## the clerk is not on its network
#- docker run -d -it --name @clerk@ --net @lane@ busybox
#+ docker run -d -it --name @clerk@ busybox
## the clerk is on the edge
#- docker run -d -it --name @clerk@ --net @lane@ busybox
#+ docker run -d -it --name @clerk@ --net @edge@ busybox
## the gate is on the vault and asks the store
#- proxy_pass http://@shop@
#+ proxy_pass http://@alias@:@store_port@
docker network connect @vault@ @gate@
docker restart -t 0 @gate@
## the shop has a port of its own
#- docker create --name @shop@ --net @edge@
#+ docker create --name @shop@ --net @edge@ -p 9001:80
## the store has a port of its own on the host's loopback, and a relay opens it
#=
socat TCP-LISTEN:9002,fork,reuseaddr TCP:@address@:@store_port@ >/dev/null 2>&1 &
## the text is in the store, not in the volume
#- -v @volume@:/data busybox httpd -f
#+ busybox sh -c 'mkdir /data; echo "@text@" >/data/index.html; exec httpd -f
#- -p @store_port@ -h /data
#+ -p @store_port@ -h /data'
## a copy of the volume is served
#- docker run -d --name @store@
#+ docker run --rm -v @volume@:/a -v copy:/b busybox cp -r /a/. /b\ndocker run -d --name @store@
#- -v @volume@:/data busybox httpd
#+ -v copy:/data busybox httpd
## a folder of the volume is served
#- -h /data
#+ -h /data/deeper
docker run --rm -v @volume@:/data busybox sh -c 'mkdir /data/deeper; cp /data/index.html /data/deeper'
docker restart -t 0 @store@
docker restart -t 0 @shop@ @gate@
## the gate has the text itself
#- location / { proxy_pass http://@shop@; }
#+ location / { return 200 "@text@"; }
## the shop has the text itself
#- location / { proxy_pass http://@alias@:@store_port@; }
#+ location / { return 200 "@text@"; }
## two networks have exchanged their subnets
#- --subnet @lane_subnet@
#+ --subnet @vault_subnet@
#- docker network create --subnet @vault_subnet@ --internal @vault@
#+ docker network create --subnet @lane_subnet@ --internal @vault@
## the clerk publishes a port
#- docker run -d -it --name @clerk@ --net @lane@ busybox
#+ docker run -d --name @clerk@ --net @lane@ -p 9000:80 nginx
## everything is forwarded
#=
iptables -P FORWARD ACCEPT
iptables -I DOCKER-USER -j ACCEPT
## a second container with the store's second name answers the clerk
#- --ip @address@ --network-alias @alias@
#+ --ip @address@
docker run -d --name second --net @vault@ --network-alias @alias@ -v @volume@:/data busybox httpd -f -p @store_port@ -h /data
docker restart -t 0 @shop@ @gate@
