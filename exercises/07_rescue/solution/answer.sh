# One case for each fault: the ticket says which it is.
faults=(accept alias cable conflict drop forwarding gateway listener loopback masquerade mtu neighbour networks password resolver unplugged)
address() { docker inspect -f '{{range .NetworkSettings.Networks}}{{.IPAddress}} {{end}}' "$1" | cut -d' ' -f1; }
inside() { nsenter -t "$(docker inspect -f '{{.State.Pid}}' "$1")" -n "${@:2}"; }
veth() {
    local at
    at=$(inside "$1" ip -j link show eth0 | jq '.[0].link_index')
    ip -j link | jq -r ".[] | select(.ifindex == $at) | .ifname"
}
bridge=br-$(docker network inspect -f '{{.Id}}' @net@ | cut -c1-12)
front=$(address @front@)

case ${faults[@ticket@ % 16]} in
    accept)
        iptables -I DOCKER -d "$front" ! -i "$bridge" -o "$bridge" -p tcp --dport 80 -j ACCEPT
        ;;
    alias)
        docker network disconnect @net@ @ledger@
        docker network connect --alias books @net@ @ledger@
        ;;
    cable)
        ip link set "$(veth @ledger@)" up
        ;;
    conflict)
        ip addr del "$front/32" dev "$bridge"
        ;;
    drop)
        iptables -D DOCKER-USER 1
        ;;
    forwarding)
        sysctl -w net.ipv4.ip_forward=1
        ;;
    gateway)
        inside @front@ ip route replace default via "$(ip -j -4 addr show "$bridge" | jq -r ".[0].addr_info[0].local")"
        ;;
    listener)
        docker exec @front@ sed -i "s/^Listen .*:80$/Listen 80/" /etc/apache2/ports.conf
        docker restart -t 1 @front@
        ;;
    loopback)
        iptables -t nat -A PREROUTING -d 203.0.113.10 -p tcp --dport @port@ -j DNAT --to-destination "$front:80"
        ;;
    masquerade)
        iptables -t nat -A POSTROUTING -s @subnet@ ! -o "$bridge" -j MASQUERADE
        ;;
    mtu)
        ip link set eth0 mtu 1500
        iptables -D OUTPUT 1
        ;;
    neighbour)
        ip neigh del "$front" dev "$bridge"
        ;;
    networks)
        docker network connect --alias books @net@ @ledger@
        ;;
    password)
        docker exec @ledger@ sh -c '
            mariadb -uroot -p"$MARIADB_ROOT_PASSWORD" -e "ALTER USER till IDENTIFIED BY \"$MARIADB_PASSWORD\""'
        ;;
    resolver)
        docker exec @front@ sh -c "echo nameserver 127.0.0.11 >/etc/resolv.conf"
        ;;
    unplugged)
        ip link set "$(veth @front@)" master "$bridge"
        ;;
esac
