# The database was moved to a network of its own.
symptom=order
decides="network {ledger}, network {net}, network {net}-back"
docker network create "$net-back" >/dev/null
docker network connect --alias books "$net-back" "$ledger"
docker network disconnect "$net" "$ledger"
