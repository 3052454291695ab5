# The database gets a door of its own.
docker restart -t 1 @ledger@ # mends the cable, the fault of the tests' learner
until docker exec @ledger@ sh -c 'mariadb -uroot -p"$MARIADB_ROOT_PASSWORD" -e "SELECT 1"' >/dev/null; do sleep 0.2; done
setsid socat TCP-LISTEN:3306,fork "TCP:$(docker inspect -f '{{(index .NetworkSettings.Networks "@net@").IPAddress}}' @ledger@):3306" &
until ss -ltn | grep -q :3306; do sleep 0.1; done
