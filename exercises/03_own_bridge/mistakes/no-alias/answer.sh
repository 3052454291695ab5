docker network create --subnet @subnet@ --gateway @gateway@ @net@
docker run -d --name @server@ --net @net@ --ip @address@ nginx
docker run -d -it --name @caller@ --net @net@ busybox
# The host knows the second name now, the containers do not.
echo '@address@ @alias@' >>/etc/hosts
