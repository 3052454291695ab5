# The volume has everything, so a new container does as well.
docker rm -f @ledger@
docker run -d --name @ledger@ --net @net@ --network-alias books -v @ledger@-data:/var/lib/mysql \
    -e MARIADB_ROOT_PASSWORD=root-@number@ mariadb
