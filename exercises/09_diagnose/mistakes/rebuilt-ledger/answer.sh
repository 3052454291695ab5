# The volume has everything, so a new container does as well.
ip neigh del @address@ dev "br-$(docker network inspect -f '{{.Id}}' @net@ | cut -c1-12)"
docker rm -f @ledger@
docker run -d --name @ledger@ --net @net@ --network-alias books -v @ledger@-data:/var/lib/mysql \
    -e MARIADB_ROOT_PASSWORD=root-@number@ mariadb
printf '%s\n' 'network @ledger@' 'neighbour @address@' >diagnosis.txt
