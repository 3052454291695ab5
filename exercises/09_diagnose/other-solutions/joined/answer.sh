# The front end joins the network that the database is on, and the host is told the right MAC address.
bridge=br-$(docker network inspect -f '{{.Id}}' @net@ | cut -c1-12)
mac=$(nsenter -t "$(docker inspect -f '{{.State.Pid}}' @front@)" -n ip -j link show eth0 | jq -r '.[0].address')
ip neigh replace @address@ lladdr "$mac" dev "$bridge" nud permanent
docker network connect @net@-back @front@
cat >diagnosis.txt <<'END'
# Two things, and each was enough to stop the shop.
ARP: @address@
Networks: @net@-back
END
