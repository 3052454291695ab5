ip link add @bridge@ type bridge
ip addr add @gateway@/24 dev @bridge@
ip link set @bridge@ up

network=$(echo @subnet@ | cut -d. -f1-3)
join() { # NAME ADDRESS
  ip netns add $1
  ip link add to-$1 type veth peer name eth0 netns $1
  ip link set to-$1 master @bridge@ up
  ip -n $1 addr add $2/24 dev eth0
  ip -n $1 link set eth0 up
  ip -n $1 link set lo up
  ip -n $1 route add default via @gateway@
}
join @server@ @address@
join @reader@ $network.10

echo '@text@' >page
answer='read request; echo HTTP/1.0 200 OK; echo; cat page'
setsid ip netns exec @server@ socat TCP-LISTEN:80,fork,reuseaddr SYSTEM:"$answer" >/dev/null 2>&1 </dev/null &

iptables -A FORWARD -o @bridge@ -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
iptables -t nat -A POSTROUTING -s @subnet@ ! -o @bridge@ -j MASQUERADE

iptables -t nat -A PREROUTING -m addrtype --dst-type LOCAL -p tcp --dport @port@ -j DNAT --to-destination @address@:80
iptables -A FORWARD -d @address@ ! -i @bridge@ -o @bridge@ -p tcp --dport 80 -j ACCEPT

mkdir -p /etc/netns/@server@ /etc/netns/@reader@
for box in @server@ @reader@; do
  { cat /etc/hosts; echo "@address@ @server@"; echo "$network.10 @reader@"; } >/etc/netns/$box/hosts
done

iptables -I DOCKER-USER -i docker0 -o @bridge@ -j DROP
iptables -I DOCKER-USER -i @bridge@ -o docker0 -j DROP
