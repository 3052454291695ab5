# Sixteen suspects, one after the other: look, name, repair. It needs to know nothing about the case.
address() { docker inspect -f '{{range .NetworkSettings.Networks}}{{.IPAddress}} {{end}}' "$1" | cut -d' ' -f1; }
inside() { nsenter -t "$(docker inspect -f '{{.State.Pid}}' "$1")" -n "${@:2}"; }
veth() { # the host's end of a container's only veth pair
    local at
    at=$(inside "$1" ip -j link show type veth | jq '.[0].link_index')
    ip -j link | jq -r ".[] | select(.ifindex == $at) | .ifname"
}
on_net() { docker inspect @ledger@ | jq -e ".[0].NetworkSettings.Networks[\"@net@\"] | $1" >/dev/null; }
found() { echo "$@" | tee -a diagnosis.txt; }

bridge=br-$(docker network inspect -f '{{.Id}}' @net@ | cut -c1-12)
gateway=$(ip -j -4 addr show "$bridge" | jq -r '[.[0].addr_info[] | select(.prefixlen != 32)][0].local')
front=$(address @front@)

# The database: its cable, its network, its name, its password.
if ip link show "$(veth @ledger@)" | grep -q 'state DOWN'; then
    found link @ledger@
    ip link set "$(veth @ledger@)" up
fi
if ! on_net .; then
    found network @ledger@
    docker network connect --alias books @net@ @ledger@
elif ! on_net '.Aliases // [] | index("books")'; then
    found name books
    docker network disconnect @net@ @ledger@
    docker network connect --alias books @net@ @ledger@
fi
if ! docker exec @ledger@ sh -c 'exec mariadb -utill -p"$MARIADB_PASSWORD" -e "SELECT 1"' >/dev/null 2>&1; then
    found password @ledger@
    docker exec @ledger@ sh -c '
        mariadb -uroot -p"$MARIADB_ROOT_PASSWORD" -e "ALTER USER till IDENTIFIED BY \"$MARIADB_PASSWORD\""'
fi

# The front end: its cable, its listener, its route, its resolver.
if ! ip link show "$(veth @front@)" | grep -q "master $bridge"; then
    found link @front@
    ip link set "$(veth @front@)" master "$bridge"
fi
if docker exec @front@ grep -q '^Listen 127' /etc/apache2/ports.conf; then
    found process @front@
    docker exec @front@ sed -i 's/^Listen .*:80$/Listen 80/' /etc/apache2/ports.conf
    docker restart -t 1 @front@
fi
if ! inside @front@ ip route | grep -q "^default via $gateway "; then
    found route @front@
    inside @front@ ip route replace default via "$gateway"
fi
if ! docker exec @front@ grep -q '^nameserver 127.0.0.11' /etc/resolv.conf; then
    found resolver @front@
    docker exec @front@ sh -c 'echo nameserver 127.0.0.11 >/etc/resolv.conf'
fi

# The host: addresses, neighbours, settings, the interface to the outside, the published port.
if ip -4 addr show dev "$bridge" | grep -q "inet $front/32"; then
    found address "$front"
    ip addr del "$front/32" dev "$bridge"
fi
if ip neigh show "$front" dev "$bridge" | grep -q PERMANENT; then
    found neighbour "$front"
    ip neigh del "$front" dev "$bridge"
fi
if [ "$(sysctl -n net.ipv4.ip_forward)" = 0 ]; then
    found setting ip_forward
    sysctl -w net.ipv4.ip_forward=1
fi
if ! ip link show eth0 | grep -q 'mtu 1500 '; then
    found link eth0
    ip link set eth0 mtu 1500
    iptables -D OUTPUT 1
fi
if docker port @front@ 80 | grep -q '^127'; then
    found port @port@
    iptables -t nat -A PREROUTING -d 203.0.113.10 -p tcp --dport @port@ -j DNAT --to-destination "$front:80"
fi

# The rules.
if iptables -S DOCKER-USER | grep -q -- "-d $front/32 .*--dport 80 -j DROP"; then
    found rule DOCKER-USER
    iptables -D DOCKER-USER -d "$front" -p tcp --dport 80 -j DROP
fi
if ! iptables -S DOCKER | grep -q -- "-d $front/32 .*--dport 80 -j ACCEPT"; then
    found rule DOCKER
    iptables -I DOCKER -d "$front" ! -i "$bridge" -o "$bridge" -p tcp --dport 80 -j ACCEPT
fi
if ! iptables -t nat -C POSTROUTING -s @subnet@ ! -o "$bridge" -j MASQUERADE 2>/dev/null; then
    found rule POSTROUTING
    iptables -t nat -A POSTROUTING -s @subnet@ ! -o "$bridge" -j MASQUERADE
fi
