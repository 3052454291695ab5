# Both are named, one is repaired, and the page comes: done?
ip neigh del @address@ dev "br-$(docker network inspect -f '{{.Id}}' @net@ | cut -c1-12)"
printf '%s\n' 'network @ledger@' 'neighbour @address@' >diagnosis.txt
