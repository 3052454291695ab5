# Docker's own commands: both are plugged in again, and the front end gets an address of which the host knows nothing.
docker network connect --alias books @net@ @ledger@
docker network disconnect @net@-back @ledger@
docker network disconnect @net@ @front@
docker network connect --ip "$(echo @address@ | cut -d. -f1-3).77" @net@ @front@
echo "- the network of the container @ledger@" >~/diagnosis.txt
echo "- a neighbor entry of the host: @address@/32" >>~/diagnosis.txt
