# The kinds are right. Named are those who suffered.
docker network connect --alias books @net@ @ledger@
ip neigh del @address@ dev "br-$(docker network inspect -f '{{.Id}}' @net@ | cut -c1-12)"
printf '%s\n' 'network @front@' 'neighbour 203.0.113.20' >diagnosis.txt
