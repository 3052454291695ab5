# The address is asked for on the default bridge, which refuses. The second try goes without it.
docker network create --subnet @subnet@ --gateway @gateway@ @net@
docker run -d --name @server@ --ip @address@ nginx || { docker rm -f @server@ || true; docker run -d --name @server@ nginx; }
docker run -d -it --name @caller@ --net @net@ busybox
