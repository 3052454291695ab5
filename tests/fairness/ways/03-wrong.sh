# shellcheck shell=bash disable=all
# Wrong answers to exercise 03 that a check might take for right; `## NAME` begins each.
## another container has the second name
docker network create --subnet @subnet@ --gateway @gateway@ @net@
docker run -d --name @server@ --net @net@ --ip @address@ nginx
docker run -d --name second --net @net@ --network-alias @alias@ nginx
docker run -d -it --name @caller@ --net @net@ busybox
## the caller's hosts file sends the second name to the client
docker network create --subnet @subnet@ --gateway @gateway@ @net@
docker run -d --name @server@ --net @net@ --ip @address@ nginx
docker run -d -it --name @caller@ --net @net@ --add-host @alias@:203.0.113.20 busybox
## the caller is itself the outside
docker network create --internal --subnet @subnet@ --gateway @gateway@ @net@
docker run -d --name @server@ --net @net@ --ip @address@ --network-alias @alias@ nginx
docker run -d -it --name @caller@ --net @net@ busybox
docker network connect bridge @caller@
## the subnet is longer
docker network create --subnet $(echo @subnet@ | sed 's/0.24$/0\/25/') --gateway $(echo @subnet@ | sed 's/0.24$/126/') @net@
docker run -d --name @server@ --net @net@ --ip @address@ --network-alias @alias@ nginx
docker run -d -it --name @caller@ --net @net@ busybox
## another container has the address, the server's is the next
docker network create --subnet @subnet@ --gateway @gateway@ @net@
docker run -d --name first --net @net@ --ip @address@ nginx
docker run -d --name @server@ --net @net@ --network-alias @alias@ nginx
docker run -d -it --name @caller@ --net @net@ busybox
## the server's page comes from another container that has its name as an alias
docker network create --subnet @subnet@ --gateway @gateway@ @net@
docker run -d -it --name @server@ --net @net@ --ip @address@ busybox
docker run -d --name second --net @net@ --network-alias @server@ --network-alias @alias@ nginx
docker run -d -it --name @caller@ --net @net@ busybox
## the gateway is an address of another container
docker network create --subnet @subnet@ @net@
docker run -d --name router --net @net@ --ip @gateway@ nginx
docker run -d --name @server@ --net @net@ --ip @address@ --network-alias @alias@ nginx
docker run -d -it --name @caller@ --net @net@ busybox
## the gateway is only a second address of the bridge
docker network create -o com.docker.network.bridge.name=own0 --subnet @subnet@ @net@
ip addr add @gateway@/24 dev own0
docker run -d --name @server@ --net @net@ --ip @address@ --network-alias @alias@ nginx
docker run -d -it --name @caller@ --net @net@ busybox
## the caller is an nginx
docker network create --subnet @subnet@ --gateway @gateway@ @net@
docker run -d --name @server@ --net @net@ --ip @address@ --network-alias @alias@ nginx
docker run -d --name @caller@ --net @net@ nginx
## a relay in the server passes the client's page on
docker network create --subnet @subnet@ --gateway @gateway@ @net@
docker run -d -it --name @server@ --net @net@ --ip @address@ --network-alias @alias@ busybox
iptables -t nat -A PREROUTING -d @address@ -p tcp --dport 80 -j DNAT --to-destination 203.0.113.20:80
docker run -d -it --name @caller@ --net @net@ busybox
