# A diagnosis as one would tell it.
docker network connect --alias books @net@ @ledger@
ip neigh del @address@ dev "br-$(docker network inspect -f '{{.Id}}' @net@ | cut -c1-12)"
echo "the database was elsewhere" >diagnosis.txt
