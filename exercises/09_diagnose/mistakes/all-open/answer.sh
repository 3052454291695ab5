# "It is the firewall, too."
docker network connect --alias books @net@ @ledger@
ip neigh del @address@ dev "br-$(docker network inspect -f '{{.Id}}' @net@ | cut -c1-12)"
iptables -P FORWARD ACCEPT
printf '%s\n' 'network @ledger@' 'neighbour @address@' >diagnosis.txt
