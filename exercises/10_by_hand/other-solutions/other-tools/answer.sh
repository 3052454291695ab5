# dnsmasq at the gateway answers names; SNAT in place of MASQUERADE; routes, not rules, keep the networks apart.
network=$(echo @subnet@ | cut -d. -f1-3)
for box in @server@ @reader@; do ip netns add $box; done
ip -n @server@ link add eth0 type veth peer name s0
ip -n @server@ link set s0 netns 1
ip -n @reader@ link add eth0 type veth peer name r0
ip -n @reader@ link set r0 netns 1
ip link add @bridge@ type bridge
for end in s0 r0; do ip link set $end master @bridge@; done
for end in s0 r0 @bridge@; do ip link set $end up; done
nsenter --net=/run/netns/@server@ ip addr add @address@/24 dev eth0
nsenter --net=/run/netns/@reader@ ip addr add $network.77/25 dev eth0
for box in @server@ @reader@; do ip -n $box link set eth0 up; done
ip addr add @gateway@/24 dev @bridge@
ip -n @reader@ route add @subnet@ dev eth0
for box in @server@ @reader@; do ip -n $box route add default via @gateway@ dev eth0 onlink; done

iptables -I DOCKER-USER -i @bridge@ -o eth0 -j ACCEPT
iptables -I DOCKER-USER -i eth0 -o @bridge@ -m conntrack --ctstate DNAT,ESTABLISHED -j ACCEPT
iptables -t nat -I POSTROUTING -s @subnet@ -o eth0 -j SNAT --to-source 203.0.113.10
iptables -t nat -I PREROUTING -d 203.0.113.10 -p tcp --dport @port@ -j DNAT --to-destination @address@:80
ip rule add iif docker0 to @subnet@ prohibit
ip rule add iif @bridge@ to 172.17.0.0/16 prohibit

dnsmasq --listen-address=@gateway@ --bind-interfaces --no-hosts --pid-file=/run/names.pid \
  --host-record=@server@,@address@ --host-record=@reader@,$network.77
mkdir -p /etc/netns/@server@ /etc/netns/@reader@
echo 'nameserver @gateway@' | tee /etc/netns/@server@/resolv.conf >/etc/netns/@reader@/resolv.conf

cat >serve <<'END'
while read -r line && [ "$line" != $'\r' ]; do :; done
printf 'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: text/plain\r\n\r\n%s\n' '@text@'
END
nsenter --net=/run/netns/@server@ setsid socat TCP6-LISTEN:80,ipv6only=0,fork,reuseaddr EXEC:'bash serve' >/dev/null 2>&1 </dev/null &
