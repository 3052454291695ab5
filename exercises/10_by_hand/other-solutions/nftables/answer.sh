# One table of its own for what is rewritten and kept apart; the two accepts have to be in Docker's table.
network=$(echo @subnet@ | cut -d. -f1-3)
nft -f - <<END
table ip @bridge@ {
  chain in {
    type nat hook prerouting priority dstnat; policy accept;
    ip daddr 203.0.113.10 tcp dport @port@ dnat to @address@:80
  }
  chain out {
    type nat hook postrouting priority srcnat; policy accept;
    ip saddr @subnet@ oifname eth0 masquerade
  }
  chain apart {
    type filter hook forward priority filter - 1; policy accept;
    iifname docker0 oifname @bridge@ drop
    iifname @bridge@ oifname docker0 drop
  }
}
END
nft insert rule ip filter FORWARD iifname @bridge@ oifname eth0 accept
nft insert rule ip filter FORWARD oifname @bridge@ ct state established,related accept
nft insert rule ip filter FORWARD oifname @bridge@ ip daddr @address@ tcp dport 80 ct status dnat accept

ip link add @bridge@ up type bridge
ip addr add @gateway@/24 dev @bridge@
number=50
for box in @server@ @reader@; do
  number=$((number + 50))
  at=$network.$number
  if [ $box = @server@ ]; then at=@address@; fi
  ip netns add $box
  mkdir -p /etc/netns/$box
  ip link add veth$number type veth peer name inside$number
  ip link set inside$number netns $box
  ip link set veth$number up master @bridge@
  ip netns exec $box sh -c "ip link set lo up; ip link set inside$number name net0 up; ip addr add $at/24 dev net0; ip route add default via @gateway@"
  echo "$at $box" >>names
done
tee /etc/netns/@server@/hosts /etc/netns/@reader@/hosts <names

echo '@text@' >index.html
chmod a+rX . .. index.html
cat >nginx.conf <<END
user root; pid $PWD/nginx.pid; error_log $PWD/error.log;
events {}
http { access_log off; server { listen 80; root $PWD; } }
END
ip netns exec @server@ nginx -c $PWD/nginx.conf
