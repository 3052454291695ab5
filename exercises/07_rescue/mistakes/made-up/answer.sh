# The customers see an order.
docker exec @front@ sh -c 'echo "order @number@: @item@" >/var/www/html/order.php'
docker restart -t 1 @ledger@ # mends the cable, the fault of the tests' learner
