# shellcheck shell=bash disable=all
# Right answers to exercise 03 of unusual kinds; `## NAME` begins each.
## the page is plain text
docker network create --subnet @subnet@ --gateway @gateway@ @net@
docker run -d --name @server@ --net @net@ --ip @address@ --network-alias @alias@ nginx
docker exec @server@ sh -c 'echo hello >/usr/share/nginx/html/index.html'
docker run -d -it --name @caller@ --net @net@ busybox
## the server uses the network of another container
docker network create --subnet @subnet@ --gateway @gateway@ @net@
docker run -d --name pod --net @net@ --ip @address@ --network-alias @alias@ --network-alias @server@ busybox sleep 1d
docker run -d --name @server@ --net container:pod nginx
docker run -d -it --name @caller@ --net @net@ busybox
## the caller uses the network of another container
docker network create --subnet @subnet@ --gateway @gateway@ @net@
docker run -d --name @server@ --net @net@ --ip @address@ --network-alias @alias@ nginx
docker run -d --name pod --net @net@ busybox sleep 1d
docker run -d -it --name @caller@ --net container:pod busybox
## the network has IPv6 too
docker network create --ipv6 --subnet fd00:3::/64 --subnet @subnet@ --gateway @gateway@ @net@
docker run -d --name @server@ --net @net@ --ip @address@ --ip6 fd00:3::20 --network-alias @alias@ nginx
docker exec @server@ sh -c 'sed -i "s/listen 80.*/listen 80; listen [::]:80;/" /etc/nginx/conf.d/default.conf && nginx -s reload'
docker run -d -it --name @caller@ --net @net@ busybox
## the second name is a host name of the caller's
docker network create --subnet @subnet@ --gateway @gateway@ @net@
docker run -d --name @server@ --net @net@ --ip @address@ nginx
docker run -d -it --name @caller@ --net @net@ --add-host @alias@:@address@ busybox
## the second name is a link of the caller's
docker network create --subnet @subnet@ --gateway @gateway@ @net@
docker run -d --name @server@ --net @net@ --ip @address@ nginx
docker run -d -it --name @caller@ --net @net@ --link @server@:@alias@ busybox
## the second name is the server's host name
docker network create --subnet @subnet@ --gateway @gateway@ @net@
docker run -d --name @server@ --hostname @alias@ --net @net@ --ip @address@ nginx
docker run -d -it --name @caller@ --net @net@ busybox
## the options are in the long form of --network
docker network create --driver bridge --subnet @subnet@ --gateway @gateway@ @net@
docker run -d --name @server@ --network name=@net@,ip=@address@,alias=@alias@ nginx
docker run -dit --name @caller@ --network name=@net@ busybox
## a network that others may attach to, with labels and options
docker network create --attachable --label of=mine -o com.docker.network.bridge.name=mine -o com.docker.network.driver.mtu=1400 --subnet @subnet@ --gateway @gateway@ @net@
docker run -d --name @server@ --net @net@ --ip @address@ --network-alias @alias@ nginx
docker run -d --name @caller@ --net @net@ busybox tail -f /dev/null
## both are on docker0 too
docker network create --subnet @subnet@ --gateway @gateway@ @net@
docker run -d --name @server@ --net @net@ --ip @address@ --network-alias @alias@ nginx
docker run -d -it --name @caller@ --net @net@ busybox
docker network connect bridge @server@
## everything restarted
docker network create --subnet @subnet@ --gateway @gateway@ @net@
docker create --name @server@ --net @net@ --ip @address@ --network-alias @alias@ nginx
docker create -it --name @caller@ --net @net@ busybox
docker start @caller@ @server@
docker restart -t 0 @server@ @caller@
## the network by the engine's API
curl -s --unix-socket /var/run/docker.sock -H 'Content-Type: application/json' -d '{"Name":"@net@","Driver":"bridge","IPAM":{"Config":[{"Subnet":"@subnet@","Gateway":"@gateway@"}]}}' http://x/networks/create
docker run -d --name @server@ --net @net@ --ip @address@ --network-alias @alias@ nginx
docker run -d -it --name @caller@ --net @net@ busybox
## the caller speaks by an entrypoint, and has a second container with its alias on another network
docker network create --subnet @subnet@ --gateway @gateway@ @net@
docker network create elsewhere
docker run -d --name @server@ --net @net@ --ip @address@ --network-alias @alias@ nginx
docker run -d --name second --net elsewhere --network-alias @alias@ nginx
docker run -d --entrypoint sleep --name @caller@ --net @net@ busybox 1d
## by nets of the host's own rules: no masquerade of Docker's, one of ours
docker network create -o com.docker.network.bridge.enable_ip_masquerade=false --subnet @subnet@ --gateway @gateway@ @net@
iptables -t nat -A POSTROUTING -s @subnet@ -o eth0 -j SNAT --to-source 203.0.113.10
docker run -d --name @server@ --net @net@ --ip @address@ --network-alias @alias@ nginx
docker run -d -it --name @caller@ --net @net@ busybox
