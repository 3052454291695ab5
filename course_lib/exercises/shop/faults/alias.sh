# The database was plugged in again, without its second name.
symptom=order
decides="name books"
docker network disconnect "$net" "$ledger"
docker network connect "$net" "$ledger"
