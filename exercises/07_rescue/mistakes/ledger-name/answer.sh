# Plugged in again, without the name that it had there.
docker network disconnect @net@ @ledger@
docker network connect @net@ @ledger@
