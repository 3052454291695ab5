ip link add @bridge@ type veth peer name other
ip addr add @gateway@/24 dev @bridge@
ip link set @bridge@ up
