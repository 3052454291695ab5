# No packet is sent. What the engine and the kernel have written down is read, and thought about.
subnet() { docker network inspect -f '{{(index .IPAM.Config 0).Subnet}}' "$1"; }
bridge() { [ "$1" = bridge ] && echo docker0 || echo "br-$(docker network inspect -f '{{.Id}}' "$1" | cut -c1-12)"; }
networks() { docker inspect -f '{{range $name, $at := .NetworkSettings.Networks}}{{$name}} {{end}}' "$1"; }
address() { docker inspect -f '{{range .NetworkSettings.Networks}}{{.IPAddress}} {{end}}' "$1" | cut -d' ' -f1; }
number() { # TABLE CHAIN TEXT: the chain's rule with that text
    local at
    at=$(iptables -t "$1" -S "$2" | grep '^-A' | grep -n -m 1 -e "$3") || return 1
    echo "$1 $2 ${at%%:*}"
}
common() { # CONTAINER CONTAINER: the networks that both are on
    comm -12 <(networks "$1" | xargs -n 1 | sort) <(networks "$2" | xargs -n 1 | sort)
}

# Whose cable: the containers' own interfaces, looked at from the host.
for container in $(docker ps --format '{{.Names}}'); do
    for index in $(nsenter -t "$(docker inspect -f '{{.State.Pid}}' "$container")" -n ip -j link | jq '.[].link_index // empty'); do
        ip -j link | jq -r --arg name "$container" ".[] | select(.ifindex == $index) | \"\(.ifname) = \(\$name)\""
    done
done >answers.txt

grep -e '->' /root/map.txt | while read -r line; do
    question=${line% =} from=${line%% -> *} to=${line#* -> }
    to=${to% =}
    name=${to% by *}
    case "$question" in
        destination*) found=$(number nat DOCKER "--dport @port@ .*DNAT") ;;
        sender*)
            net=$(networks "${from#sender of }" | cut -d' ' -f1)
            found=$(number nat POSTROUTING "-s $(subnet "$net") ! -o $(bridge "$net") -j MASQUERADE")
            ;;
        "host -> "*) found=page ;; # nothing that the host sends itself is forwarded
        "client -> "*)
            guard=$(docker ps --filter publish=@guarded@ --format '{{.Names}}')
            found=$(number filter DOCKER-USER "-d $(address "$guard")/32 -i eth0 -p tcp .*DROP")
            ;;
        *"by name")
            found="no name"
            case "$(common "$from" "$name")" in '' | bridge) ;; *) found=page ;; esac
            ;;
        *)
            found=page
            if [ -z "$(common "$from" "$name")" ]; then
                # From engine 28 on a packet from elsewhere to a container's own address ends before it is routed.
                found=$(number raw PREROUTING "-d $(address "$name")/32 ! -i .*DROP" ||
                    number filter DOCKER-ISOLATION-STAGE-2 "-o $(bridge "$(networks "$name" | cut -d' ' -f1)") -j DROP")
            fi
            ;;
    esac
    echo "$question = $found" >>answers.txt
done
