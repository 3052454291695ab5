# The shop, well: a front end with a published port, a database behind it, a customer (the client) outside.
# Variables come from the values: front ledger net subnet port shop number item, and address, if the front end has a
# fixed one.
HOST=203.0.113.10
spring=spring-$number autumn=autumn-$number # two passwords of the database's user

# front PUBLISH PASSWORD
front() {
    docker create --name "$front" --net "$net" ${address:+--ip "$address"} -p "$1" wordpress >/dev/null
    echo "$shop is open" >/tmp/index.php
    seq 20000 >/tmp/catalogue.txt
    printf 'host=books\nuser=till\npassword=%s\n' "$2" >/tmp/shop.ini
    cat >/tmp/order.php <<'PHP'
<?php
$s = parse_ini_file('/etc/shop.ini');
mysqli_report(MYSQLI_REPORT_OFF);
$db = mysqli_init();
$db->options(MYSQLI_OPT_CONNECT_TIMEOUT, 3);
if (!@$db->real_connect($s['host'], $s['user'], $s['password'], 'shop')) {
    http_response_code(503);
    exit('no database: ' . mysqli_connect_error() . "\n");
}
$number = (int)$_GET['number'];
$found = $db->query("SELECT item FROM orders WHERE number = $number");
$row = $found ? $found->fetch_row() : null;
http_response_code($row ? 200 : 404);
echo $row ? "order $number: $row[0]\n" : "there is no order $number\n";
PHP
    cat >/tmp/rates.php <<'PHP'
<?php
$said = @file_get_contents('http://client.example/', false, stream_context_create(['http' => ['timeout' => 3]]));
http_response_code($said ? 200 : 503);
echo $said ? "rates: $said" : "no rates: client.example does not answer\n";
PHP
    for page in index.php catalogue.txt order.php rates.php; do docker cp "/tmp/$page" "$front:/var/www/html/$page"; done
    docker cp /tmp/shop.ini "$front:/etc/shop.ini"
    docker start "$front" >/dev/null
}

# ledger PASSWORD
ledger() {
    docker run -d --name "$ledger" --net "$net" --network-alias books -v "$ledger-data:/var/lib/mysql" \
        -e MARIADB_ROOT_PASSWORD="root-$number" -e MARIADB_DATABASE=shop -e MARIADB_USER=till -e MARIADB_PASSWORD="$1" \
        mariadb >/dev/null
}

# within SECONDS COMMAND...
within() {
    local end=$((SECONDS + $1))
    shift
    until "$@" >/dev/null 2>&1; do
        [ $SECONDS -lt $end ] || return 1
        sleep 0.2
    done
}

sql() { docker exec "$ledger" mariadb -uroot -p"root-$number" shop -e "$1"; }
address() { docker inspect -f '{{range .NetworkSettings.Networks}}{{.IPAddress}} {{end}}' "$1" | cut -d' ' -f1; }
bridge() { echo "br-$(docker network inspect -f '{{.Id}}' "$net" | cut -c1-12)"; }
inside() { # inside CONTAINER COMMAND...
    local pid
    pid=$(docker inspect -f '{{.State.Pid}}' "$1")
    shift
    nsenter -t "$pid" -n "$@"
}
veth() { # the host's end of a container's veth pair
    local at
    at=$(inside "$1" ip -j link show eth0 | jq '.[0].link_index')
    ip -j link | jq -r ".[] | select(.ifindex == $at) | .ifname"
}

# What customers do.
door() { ip netns exec client curl -fs -m 2 "http://$HOST:$port/"; }
catalogue() { ip netns exec client curl -fs -m 2 -o /dev/null "http://$HOST:$port/catalogue.txt"; }
order() { ip netns exec client curl -fs -m 3 "http://$HOST:$port/order.php?number=$number"; }
rates() { ip netns exec client curl -fs -m 3 "http://$HOST:$port/rates.php"; }
well() { door && catalogue && order && rates; }

docker network create --subnet "$subnet" "$net" >/dev/null
ledger "$spring"
front "$port:80" "$spring"
within 30 sql "SELECT 1"
sql "CREATE TABLE orders (number INT PRIMARY KEY, item TEXT); INSERT INTO orders VALUES ($number, '$item')"
