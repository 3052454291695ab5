# shellcheck shell=bash disable=all
# Right answers to exercise 08 of unusual kinds, as changes of its solution; `## NAME` begins each.
## the store uses the network of another container
#- docker run -d --name @store@ --net @vault@ --ip @address@ --network-alias @alias@
#+ docker run -d --name pod --net @vault@ --ip @address@ --network-alias @alias@ --network-alias @store@ busybox sleep 1d\ndocker run -d --name @store@ --net container:pod
## the shop uses the network of another container
#- docker create --name @shop@ --net @edge@
#+ docker create --name pod --net @edge@ --network-alias @shop@ busybox sleep 1d\ndocker network connect @vault@ pod\ndocker start pod\ndocker create --name @shop@ --net container:pod
#- docker network connect @vault@ @shop@
#+ true
## the clerk uses the network of another container
#- docker run -d -it --name @clerk@ --net @lane@ busybox
#+ docker run -d --name pod --net @lane@ busybox sleep 1d
#- docker network connect @vault@ @clerk@
#+ docker network connect @vault@ pod\ndocker run -d --name @clerk@ --net container:pod busybox sleep 1d
## the gate's port is open on the client's side of the host alone
#- -p @port@:80
#+ -p 203.0.113.10:@port@:80
## all that can be internal is internal
#- docker network create --subnet @vault_subnet@ --internal @vault@
#+ docker network create --internal --driver bridge --attachable --subnet @vault_subnet@ -o com.docker.network.bridge.name=vault0 @vault@
## the edge has IPv6 too
#- docker network create --subnet @edge_subnet@
#+ docker network create --ipv6 --subnet fd00:8::/64 --subnet @edge_subnet@
## the clerk was on the vault first
#- docker run -d -it --name @clerk@ --net @lane@ busybox
#+ docker run -d -it --name @clerk@ --net @vault@ busybox
#- docker network connect @vault@ @clerk@
#+ docker network connect @lane@ @clerk@
## the volume is mounted with --mount and read-only
#- -v @volume@:/data busybox httpd
#+ --mount type=volume,src=@volume@,dst=/data,readonly busybox httpd
## the store joined later and was on no network before
#- docker run -d --name @store@ --net @vault@ --ip @address@ --network-alias @alias@
#+ docker create --name @store@ --net none
#- echo 'server { listen 80; location / { proxy_pass http://@alias@
#+ docker network disconnect none @store@\ndocker network connect --ip @address@ --alias @alias@ @vault@ @store@\ndocker start @store@\necho 'server { listen 80; location / { proxy_pass http://@alias@
## everything is restarted
#=
docker restart -t 0 @store@ @clerk@
docker restart -t 0 @shop@
docker restart -t 0 @gate@
## the store has two more names, the shop two as well
#- --network-alias @alias@
#+ --network-alias @alias@ --network-alias second --network-alias third
#- docker create --name @shop@ --net @edge@
#+ docker create --name @shop@ --net @edge@ --network-alias counter
## another container is there that has nothing to do with it
#=
docker run -d --name other -p 9000:80 nginx
## the gate's port leads there by a rule of one's own
#- -p @port@:80
#+ --label by=hand
to=$(docker inspect -f '{{.NetworkSettings.Networks.@edge@.IPAddress}}' @gate@)
iptables -t nat -A PREROUTING -p tcp -d 203.0.113.10 --dport @port@ -j DNAT --to-destination $to:80
iptables -I DOCKER-USER -p tcp -d $to --dport 80 -j ACCEPT
## the vault is not internal, and the store has no route out of it
#- --internal @vault@
#+ @vault@
nsenter -t $(docker inspect -f '{{.State.Pid}}' @store@) -n ip route del default
## the vault is not internal, and all that leaves it is dropped
#- --internal @vault@
#+ @vault@
iptables -I DOCKER-USER -s @vault_subnet@ ! -d @vault_subnet@ -j DROP
