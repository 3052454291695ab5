# Both are named. The database was easy.
docker network connect --alias books @net@ @ledger@
printf '%s\n' 'network @ledger@' 'neighbour @address@' >diagnosis.txt
