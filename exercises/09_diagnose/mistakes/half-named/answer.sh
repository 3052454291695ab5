# The last repair was the one that helped.
docker network connect --alias books @net@ @ledger@
ip neigh del @address@ dev "br-$(docker network inspect -f '{{.Id}}' @net@ | cut -c1-12)"
echo 'network @ledger@' >diagnosis.txt
