# The neighbour's MAC address is named instead of its IP address.
docker network connect --alias books @net@ @ledger@
ip neigh del @address@ dev "br-$(docker network inspect -f '{{.Id}}' @net@ | cut -c1-12)"
printf '%s\n' 'network @ledger@' 'neighbour 02:00:00:00:00:99' >diagnosis.txt
