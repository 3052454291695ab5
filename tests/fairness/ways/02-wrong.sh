# shellcheck shell=bash disable=all
# Wrong answers to exercise 02 that a check might take for right; `## NAME` begins each.
## the shop's page comes from a relay to another container
docker run -d --name @shop@ nginx
docker run -d --name first-try nginx
docker exec first-try sh -c 'echo "@shop_page@" >/usr/share/nginx/html/index.html'
to=$(docker inspect -f '{{.NetworkSettings.IPAddress}}' first-try)
socat TCP-LISTEN:@shop_port@,fork,reuseaddr TCP:$to:80 >/dev/null 2>&1 &
docker run -d --name @blog@ -P nginx
docker run -d --name @desk@ -p 127.0.0.1:@desk_port@:80 nginx
## the shop is in the host's network, and another program there answers
docker run -d --name @shop@ --net host busybox sleep 1d
mkdir /srv/page; echo '@shop_page@' >/srv/page/index.html
printf 'events {}\nhttp { server { listen @shop_port@; root /srv/page; } }\n' >/srv/nginx.conf
nginx -c /srv/nginx.conf
docker run -d --name @blog@ -P nginx
docker run -d --name @desk@ -p 127.0.0.1:@desk_port@:80 nginx
## the page has a second line
docker run -d --name @shop@ -p @shop_port@:80 nginx
docker exec @shop@ sh -c 'echo "@shop_page@" >/usr/share/nginx/html/index.html; echo more >>/usr/share/nginx/html/index.html'
docker run -d --name @blog@ -P nginx
docker run -d --name @desk@ -p 127.0.0.1:@desk_port@:80 nginx
## the page is in HTML
docker run -d --name @shop@ -p @shop_port@:80 nginx
docker exec @shop@ sh -c 'echo "<p>@shop_page@</p>" >/usr/share/nginx/html/index.html'
docker run -d --name @blog@ -P nginx
docker run -d --name @desk@ -p 127.0.0.1:@desk_port@:80 nginx
## the blog's chosen port belongs to another of its ports, its port 80 has a fixed one
docker run -d --name @shop@ -p @shop_port@:80 nginx
docker exec @shop@ sh -c 'echo "@shop_page@" >/usr/share/nginx/html/index.html'
docker run -d --name @blog@ -p 8081:80 -p 443 nginx
docker run -d --name @desk@ -p 127.0.0.1:@desk_port@:80 nginx
## the blog's range has one port
docker run -d --name @shop@ -p @shop_port@:80 nginx
docker exec @shop@ sh -c 'echo "@shop_page@" >/usr/share/nginx/html/index.html'
docker run -d --name @blog@ -p 40000-40000:80 nginx
docker run -d --name @desk@ -p 127.0.0.1:@desk_port@:80 nginx
## the desk serves two more ports, and one is published
docker run -d --name @shop@ -p @shop_port@:80 nginx
docker exec @shop@ sh -c 'echo "@shop_page@" >/usr/share/nginx/html/index.html'
docker run -d --name @blog@ -P nginx
docker run -d --name @desk@ -p 127.0.0.1:@desk_port@:80 -p 8443:8443 nginx
docker exec @desk@ sh -c 'echo "server { listen 8443; location / { return 200 desk; } }" >/etc/nginx/conf.d/more.conf; nginx -s reload'
## the desk's page is passed on by the blog
docker run -d --name @shop@ -p @shop_port@:80 nginx
docker exec @shop@ sh -c 'echo "@shop_page@" >/usr/share/nginx/html/index.html'
docker run -d --name @blog@ -P nginx
docker run -d --name @desk@ -p 127.0.0.1:@desk_port@:80 nginx
to=$(docker inspect -f '{{.NetworkSettings.IPAddress}}' @desk@)
docker run -d --name pass -p 8088:80 nginx
docker exec pass sh -c "echo 'server { listen 80; location / { proxy_pass http://$to; } }' >/etc/nginx/conf.d/default.conf; nginx -s reload"
## a rule of one's own opens the desk
docker run -d --name @shop@ -p @shop_port@:80 nginx
docker exec @shop@ sh -c 'echo "@shop_page@" >/usr/share/nginx/html/index.html'
docker run -d --name @blog@ -P nginx
docker run -d --name @desk@ -p 127.0.0.1:@desk_port@:80 nginx
to=$(docker inspect -f '{{.NetworkSettings.IPAddress}}' @desk@)
iptables -t nat -A PREROUTING -p tcp -d 203.0.113.10 --dport 7777 -j DNAT --to-destination $to:80
iptables -I FORWARD -d $to -p tcp --dport 80 -j ACCEPT
## the desk uses the host's network and listens for everybody
docker run -d --name @shop@ -p @shop_port@:80 nginx
docker exec @shop@ sh -c 'echo "@shop_page@" >/usr/share/nginx/html/index.html'
docker run -d --name @blog@ -P nginx
echo 'server { listen @desk_port@; }' >/srv/desk.conf
docker run -d --name @desk@ --network host -v /srv/desk.conf:/etc/nginx/conf.d/default.conf nginx
## a relay on the host leads to the shop
docker run -d --name @shop@ nginx
docker exec @shop@ sh -c 'echo "@shop_page@" >/usr/share/nginx/html/index.html'
to=$(docker inspect -f '{{.NetworkSettings.IPAddress}}' @shop@)
socat TCP-LISTEN:@shop_port@,fork,reuseaddr TCP:$to:80 >/dev/null 2>&1 &
docker run -d --name @blog@ -P nginx
docker run -d --name @desk@ -p 127.0.0.1:@desk_port@:80 nginx
## the blog uses the network of a container with a fixed port
docker run -d --name @shop@ -p @shop_port@:80 nginx
docker exec @shop@ sh -c 'echo "@shop_page@" >/usr/share/nginx/html/index.html'
docker run -d --name pod -p 8081:80 busybox sleep 1d
docker run -d --name @blog@ --net container:pod nginx
docker run -d --name @desk@ -p 127.0.0.1:@desk_port@:80 nginx
