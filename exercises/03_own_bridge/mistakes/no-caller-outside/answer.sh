docker network create --subnet @subnet@ --gateway @gateway@ @net@
docker run -d --name @server@ --net @net@ --ip @address@ --network-alias @alias@ nginx
docker run -d -it --name @caller@ busybox
