# Whoever names everything is right, too.
docker network connect --alias books @net@ @ledger@
ip neigh del @address@ dev "br-$(docker network inspect -f '{{.Id}}' @net@ | cut -c1-12)"
for what in "rule DOCKER-USER" "route @front@" "name books" "network @ledger@" "neighbour @address@"; do
    echo "$what" >>diagnosis.txt
done
