# The symptoms, not the causes.
docker network connect --alias books @net@ @ledger@
ip neigh del @address@ dev "br-$(docker network inspect -f '{{.Id}}' @net@ | cut -c1-12)"
printf '%s\n' 'name books' 'port @port@' >diagnosis.txt
