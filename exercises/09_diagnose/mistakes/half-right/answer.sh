# What the neighbour table has wrong looks like an address that two have.
docker network connect --alias books @net@ @ledger@
ip neigh del @address@ dev "br-$(docker network inspect -f '{{.Id}}' @net@ | cut -c1-12)"
printf '%s\n' 'network @ledger@' 'address @address@' >diagnosis.txt
