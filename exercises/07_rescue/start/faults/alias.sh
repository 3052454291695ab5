# The database was plugged in again, without its second name.
symptom=order
docker network disconnect "$net" "$ledger"
docker network connect "$net" "$ledger"
