# The source's own command: busybox has nothing that listens.
docker network create --subnet @subnet@ --gateway @gateway@ @net@
docker run -d -it --name @server@ --net @net@ --ip @address@ --network-alias @alias@ -p 8080:8080 busybox
docker run -d -it --name @caller@ --net @net@ busybox
