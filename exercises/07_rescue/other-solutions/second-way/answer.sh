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
        docker restart -t 1 @front@
        ;;
    alias)
        docker exec @front@ sed -i s/books/@ledger@/ /etc/shop.ini
        ;;
    cable)
        docker network disconnect @net@ @ledger@
        docker network connect --alias books @net@ @ledger@
        ;;
    conflict)
        docker network disconnect @net@ @front@
        docker network connect --ip "${front%.*}.77" @net@ @front@
        ;;
    drop)
        iptables -I DOCKER-USER -d "$front" -p tcp --dport 80 -j ACCEPT
        ;;
    forwarding)
        sysctl -w net.ipv4.conf.eth0.forwarding=1 "net.ipv4.conf.$bridge.forwarding=1"
        ;;
    gateway)
        docker restart -t 1 @front@
        ;;
    listener)
        # A second program in the same network namespace takes what comes from outside.
        inside @front@ setsid socat "TCP-LISTEN:80,bind=$front,fork" TCP:127.0.0.1:80 &
        ;;
    loopback)
        # A doorkeeper: its port is open, and it hands on what comes.
        cat >/root/doorkeeper.conf <<'CONF'
server { listen 80; location / { proxy_pass http://@front@; } }
CONF
        docker create --name doorkeeper --net @net@ -p 203.0.113.10:@port@:80 nginx
        docker cp /root/doorkeeper.conf doorkeeper:/etc/nginx/conf.d/default.conf
        docker start doorkeeper
        ;;
    masquerade)
        iptables -t nat -A POSTROUTING -s @subnet@ -o eth0 -j SNAT --to-source 203.0.113.10
        ;;
    mtu)
        iptables -t mangle -A FORWARD -p tcp --tcp-flags SYN,RST SYN -j TCPMSS --set-mss 1200
        ;;
    neighbour)
        docker network disconnect @net@ @front@
        docker network connect --ip "${front%.*}.77" @net@ @front@
        ;;
    networks)
        docker network connect @net@-back @front@
        ;;
    password)
        password=$(docker exec @ledger@ printenv MARIADB_PASSWORD)
        docker exec @ledger@ sh -c 'exec mariadb -uroot -p"$MARIADB_ROOT_PASSWORD" -e "$0"' "
            CREATE USER clerk IDENTIFIED BY '$password'; GRANT ALL ON shop.* TO clerk"
        docker exec @front@ sed -i s/user=till/user=clerk/ /etc/shop.ini
        ;;
    resolver)
        docker exec @front@ sh -c "echo $(address @ledger@) books >>/etc/hosts; echo 203.0.113.20 client.example >>/etc/hosts"
        ;;
    unplugged)
        docker network disconnect @net@ @front@
        docker network connect @net@ @front@
        ;;
esac
