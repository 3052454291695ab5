# The second name stands in the files of those who ask, and the store does not have it.
docker network create --subnet @edge_subnet@ --gateway @edge_gateway@ @edge@
docker network create --subnet @lane_subnet@ @lane@
docker network create --subnet @vault_subnet@ --internal @vault@

docker run --rm -v @volume@:/data busybox sh -c 'echo "@text@" >/data/index.html'
docker run -d --name @store@ --net @vault@ --ip @address@ -v @volume@:/data busybox httpd -f -p @store_port@ -h /data

echo 'server { listen 80; location / { proxy_pass http://@alias@:@store_port@; } }' >shop.conf
echo 'server { listen 80; location / { proxy_pass http://@shop@; } }' >gate.conf
docker create --name @shop@ --add-host @alias@:@address@ --net @edge@ -v $PWD/shop.conf:/etc/nginx/conf.d/default.conf nginx
docker network connect @vault@ @shop@
docker start @shop@
docker run -d --name @gate@ --net @edge@ -p @port@:80 -v $PWD/gate.conf:/etc/nginx/conf.d/default.conf nginx

docker run -d -it --name @clerk@ --add-host @alias@:@address@ --net @lane@ busybox
docker network connect @vault@ @clerk@
