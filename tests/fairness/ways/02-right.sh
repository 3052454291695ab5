# shellcheck shell=bash disable=all
# Right answers to exercise 02 of unusual kinds; `## NAME` begins each.
## a folder of the host is mounted with --mount
mkdir -p /srv/page && echo '@shop_page@' >/srv/page/index.html
docker run -d --name @shop@ --publish @shop_port@:80 --mount type=bind,src=/srv/page,dst=/usr/share/nginx/html,readonly nginx
docker run -d --name @blog@ --publish-all nginx
docker run -d --name @desk@ --publish 127.0.0.1:@desk_port@:80/tcp nginx
## in the opposite order, and the desk after a restart
docker create --name @desk@ -p 127.0.0.1:@desk_port@:80 nginx
docker run -d --name @blog@ -p 0:80 nginx
docker run -d --name @shop@ -p @shop_port@:80 nginx
docker start @desk@
echo '@shop_page@' | docker exec -i @shop@ tee /usr/share/nginx/html/index.html
docker restart -t 0 @desk@ @shop@
## the shop is on a network of its own that it joined later
docker network create later
docker run -d --name @shop@ -p @shop_port@:80 nginx
docker network connect --alias window later @shop@
docker network disconnect bridge @shop@
docker exec @shop@ sh -c 'printf "%s\n" "@shop_page@" >/usr/share/nginx/html/index.html'
docker run -d --name @blog@ -P nginx
docker run -d --name @desk@ -p 127.0.0.1:@desk_port@:80 nginx
## all three are on two networks
docker network create one; docker network create two
docker run -d --name @shop@ --net one -p @shop_port@:80 nginx
docker run -d --name @blog@ --net one -P nginx
docker run -d --name @desk@ --net one -p 127.0.0.1:@desk_port@:80 nginx
for each in @shop@ @blog@ @desk@; do docker network connect two $each; done
docker exec @shop@ sh -c 'echo "@shop_page@" >/usr/share/nginx/html/index.html'
## the ports are opened for IPv6 too
docker run -d --name @shop@ -p 0.0.0.0:@shop_port@:80 -p '[::]:@shop_port@:80' nginx
docker exec @shop@ sh -c 'echo "@shop_page@" >/usr/share/nginx/html/index.html'
docker run -d --name @blog@ -P nginx
docker run -d --name @desk@ -p 127.0.0.1:@desk_port@:80 -p '[::1]:@desk_port@:80' nginx
## without docker-proxy, by a rule of one's own
docker run -d --name @shop@ nginx
docker exec @shop@ sh -c 'echo "@shop_page@" >/usr/share/nginx/html/index.html'
to=$(docker inspect -f '{{.NetworkSettings.IPAddress}}' @shop@)
iptables -t nat -A PREROUTING -p tcp -d 203.0.113.10 --dport @shop_port@ -j DNAT --to-destination $to:80
iptables -I FORWARD -d $to -p tcp --dport 80 -j ACCEPT
docker run -d --name @blog@ -P nginx
docker run -d --name @desk@ -p 127.0.0.1:@desk_port@:80 nginx
## the shop by a rule of nftables
docker run -d --name @shop@ nginx
docker exec @shop@ sh -c 'echo "@shop_page@" >/usr/share/nginx/html/index.html'
to=$(docker inspect -f '{{.NetworkSettings.IPAddress}}' @shop@)
nft add table ip mine
nft 'add chain ip mine in { type nat hook prerouting priority -110; }'
nft add rule ip mine in ip daddr 203.0.113.10 tcp dport @shop_port@ dnat to $to:80
iptables -I DOCKER-USER -d $to -p tcp --dport 80 -j ACCEPT
docker run -d --name @blog@ -P nginx
docker run -d --name @desk@ -p 127.0.0.1:@desk_port@:80 nginx
## the shop is an image of one's own
mkdir build && echo '@shop_page@' >build/index.html
printf 'FROM nginx\nCOPY index.html /usr/share/nginx/html/\n' >build/Dockerfile
docker build -t mine build
docker run -d --name @shop@ -p @shop_port@:80 mine
docker run -d --name @blog@ -P mine
docker run -d --name @desk@ -p 127.0.0.1:@desk_port@:80 mine
## the desk is reached by a relay on the loopback
docker run -d --name @shop@ -p @shop_port@:80 nginx
docker exec @shop@ sh -c 'echo "@shop_page@" >/usr/share/nginx/html/index.html'
docker run -d --name @blog@ -P nginx
docker run -d --name @desk@ nginx
to=$(docker inspect -f '{{.NetworkSettings.IPAddress}}' @desk@)
socat TCP-LISTEN:@desk_port@,bind=127.0.0.1,fork,reuseaddr TCP:$to:80 >/dev/null 2>&1 &
## the desk uses the network of the container that has its port
docker run -d --name @shop@ -p @shop_port@:80 nginx
docker exec @shop@ sh -c 'echo "@shop_page@" >/usr/share/nginx/html/index.html'
docker run -d --name @blog@ -P nginx
docker run -d --name pod -p 127.0.0.1:@desk_port@:80 busybox sleep 1d
docker run -d --name @desk@ --net container:pod nginx
## a published port of the shop and a second one, and a second blog
docker run -d --name @shop@ -p @shop_port@:80 -p 8080:80 nginx
docker exec @shop@ sh -c 'echo "@shop_page@" >/usr/share/nginx/html/index.html'
docker run -d --name @blog@ -P nginx
docker run -d --name other-blog -P nginx
docker run -d --name @desk@ -p 127.0.0.1:@desk_port@:80 nginx
## every container starts again by itself
docker run -d --restart always --name @shop@ -p @shop_port@:80 nginx
docker exec @shop@ sh -c 'echo "@shop_page@" >/usr/share/nginx/html/index.html'
docker run -d --restart always --name @blog@ -P nginx
docker run -d --restart always --name @desk@ -p 127.0.0.1:@desk_port@:80 nginx
docker exec @shop@ sh -c 'kill 1'; docker exec @desk@ sh -c 'kill 1'
## the blog's port is chosen from a range, and it has a fixed one too
docker run -d --name @shop@ -p @shop_port@:80 nginx
docker exec @shop@ sh -c 'echo "@shop_page@" >/usr/share/nginx/html/index.html'
docker run -d --name @blog@ -p 40000-40009:80 nginx
docker run -d --name @desk@ -p 127.0.0.1:@desk_port@:80 nginx
## the shop is made from parts with ip
docker run -d --name @shop@ --net none nginx
docker exec @shop@ sh -c 'echo "@shop_page@" >/usr/share/nginx/html/index.html'
ip link add mine type veth peer name theirs netns $(docker inspect -f '{{.State.Pid}}' @shop@)
ip addr add 10.77.0.1/24 dev mine; ip link set mine up
nsenter -t $(docker inspect -f '{{.State.Pid}}' @shop@) -n sh -c 'ip addr add 10.77.0.2/24 dev theirs; ip link set theirs up; ip route add default via 10.77.0.1'
iptables -t nat -A PREROUTING -p tcp -d 203.0.113.10 --dport @shop_port@ -j DNAT --to-destination 10.77.0.2:80
iptables -I FORWARD -o mine -j ACCEPT; iptables -I FORWARD -i mine -j ACCEPT
docker run -d --name @blog@ -P nginx
docker run -d --name @desk@ -p 127.0.0.1:@desk_port@:80 nginx
## the blog has another port of a fixed number
docker run -d --name @shop@ -p @shop_port@:80 nginx
docker exec @shop@ sh -c 'echo "@shop_page@" >/usr/share/nginx/html/index.html'
docker run -d --name @blog@ -p 80 -p 9443:443 nginx
docker run -d --name @desk@ -p 127.0.0.1:@desk_port@:80 nginx
## the blog's port is chosen on the loopback too
docker run -d --name @shop@ -p @shop_port@:80 nginx
docker exec @shop@ sh -c 'echo "@shop_page@" >/usr/share/nginx/html/index.html'
docker run -d --name @blog@ -p 127.0.0.1::80 -p 203.0.113.10::80 nginx
docker run -d --name @desk@ -p 127.0.0.1:@desk_port@:80 nginx
## the blog uses the network of a container with a chosen port
docker run -d --name @shop@ -p @shop_port@:80 nginx
docker exec @shop@ sh -c 'echo "@shop_page@" >/usr/share/nginx/html/index.html'
docker run -d --name pod -p 80 busybox sleep 1d
docker run -d --name @blog@ --net container:pod nginx
docker run -d --name @desk@ -p 127.0.0.1:@desk_port@:80 nginx
