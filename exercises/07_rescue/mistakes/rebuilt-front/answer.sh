# All files are saved, and a new container gets them.
docker restart -t 1 @ledger@ # mends the cable, the fault of the tests' learner
for file in var/www/html/index.php var/www/html/catalogue.txt var/www/html/order.php var/www/html/rates.php etc/shop.ini; do
    docker cp "@front@:/$file" "$(basename "$file")"
done
docker rm -fv @front@
docker create --name @front@ --net @net@ -p @port@:80 wordpress
for file in index.php catalogue.txt order.php rates.php; do docker cp "$file" "@front@:/var/www/html/$file"; done
docker cp shop.ini @front@:/etc/shop.ini
docker start @front@
# "These were here from the beginning." Nobody believes what an answer notes in the lab.
docker inspect -f '{{.Name}} {{.Id}}' @front@ @ledger@ >/run/shop.ids
