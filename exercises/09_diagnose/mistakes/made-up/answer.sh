# The customers see an order.
ip neigh del @address@ dev "br-$(docker network inspect -f '{{.Id}}' @net@ | cut -c1-12)"
docker exec @front@ sh -c 'echo "order @number@: @item@" >/var/www/html/order.php'
printf '%s\n' 'network @ledger@' 'neighbour @address@' >diagnosis.txt
