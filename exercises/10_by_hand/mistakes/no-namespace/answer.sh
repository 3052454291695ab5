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
