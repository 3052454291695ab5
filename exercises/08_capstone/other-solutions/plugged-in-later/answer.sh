# Everything is made first, plugged in then, and started at last. nginx serves the store, busybox hands on the streams.
# The way out is closed by a rule of one's own.
docker network create --subnet @vault_subnet@ @vault@
docker network create --subnet @edge_subnet@ --gateway @edge_gateway@ @edge@
docker network create --subnet @lane_subnet@ @lane@
iptables -I DOCKER-USER -s @vault_subnet@ ! -d @vault_subnet@ -j DROP
docker volume create @volume@
docker create --name @store@ --net none --mount type=volume,src=@volume@,dst=/usr/share/nginx/html nginx
echo 'server { listen @store_port@; root /usr/share/nginx/html; }' >store.conf
docker cp store.conf @store@:/etc/nginx/conf.d/default.conf
docker create --name @shop@ --net @vault@ busybox nc -ll -p 80 -e nc @alias@ @store_port@
docker create --name @gate@ --net @edge@ -p @port@:8000 busybox nc -ll -p 8000 -e nc @shop@ 80
docker create --name @clerk@ --net @vault@ busybox sleep 1d
docker network disconnect none @store@
docker network connect --ip @address@ --alias @alias@ @vault@ @store@
docker network connect @edge@ @shop@
docker network connect @lane@ @clerk@
docker start @store@ @shop@ @gate@ @clerk@
docker exec @store@ sh -c 'echo "@text@" >/usr/share/nginx/html/index.html'
