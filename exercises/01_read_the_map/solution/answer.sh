# Each line of the sheet is answered by asking the kernel, and by going the way.
owner() { # INTERFACE: whose end of a pair has this index at its other end?
    local index container
    index=$(cat "/sys/class/net/$1/ifindex")
    for container in $(docker ps --format '{{.Names}}'); do
        if docker exec "$container" sh -c 'cat /sys/class/net/*/iflink' | grep -qx "$index"; then echo "$container"; fi
    done
}
address() { docker inspect -f '{{range .NetworkSettings.Networks}}{{.IPAddress}} {{end}}' "$1" | cut -d' ' -f1; }
url() { # as the sheet says it: "port 80 of the host", "client by address", "NAME by name", "NAME by address"
    case "$1" in
        port*) echo "http://203.0.113.10:$(echo "$1" | cut -d' ' -f2)/" ;;
        client*) echo http://203.0.113.20/ ;;
        *name) echo "http://${1% by name}/" ;;
        *) echo "http://$(address "${1% by address}")/" ;;
    esac
}
ask() { # FROM URL
    case "$1" in
        client) ip netns exec client curl -s -m 2 "$2" ;;
        host) curl -s -m 2 "$2" ;;
        *) docker exec "$1" wget -q -T 2 -O - "$2" 2>&1 ;;
    esac
}
counters() { # table, chain and number before each rule
    iptables-save -c | awk '/^\*/ { table = substr($1, 2) } $2 == "-A" { print table, $3, ++n[table $3], $0 }'
}
counted() { # TARGETS FROM URL: the rule with one of the targets that counts the request
    local before
    before=$(counters)
    ask "$2" "$3" >/root/said || true
    diff <(echo "$before") <(counters) | grep -E "^> .* -j ($1)" | head -n 1 | cut -d' ' -f2-4 || true
}

while read -r line; do
    question=${line% =}
    from=${question% -> *}
    case "$line" in
        \#*) continue ;;
        veth*) found=$(owner "$question") ;;
        destination*) found=$(counted DNAT "${from#destination of }" "$(url "${question#* -> }")") ;;
        sender*) found=$(counted 'MASQUERADE|SNAT' "${from#sender of }" "$(url "${question#* -> }")") ;;
        *)
            found=$(counted 'DROP|REJECT' "$from" "$(url "${question#* -> }")")
            if grep -q 'bad address' /root/said; then found="no name"; fi
            ;;
    esac
    echo "$question = ${found:-page}"
done </root/map.txt >answers.txt
cat answers.txt
