docker network disconnect @net@ @ledger@
