# The database was moved to a network of its own.
symptom=order
docker network create "$net-back" >/dev/null
docker network connect --alias books "$net-back" "$ledger"
docker network disconnect "$net" "$ledger"
