docker network create @net@
docker run -d --name @server@ --net @net@ --network-alias @alias@ nginx
docker run -d -it --name @caller@ --net @net@ busybox
