# A web server of busybox, a bridge with a name of its own, and a caller that sleeps.
docker network create -o com.docker.network.bridge.name=own0 --subnet @subnet@ --gateway @gateway@ @net@
docker run -d --name @server@ --net @net@ --ip @address@ --net-alias @alias@ busybox sh -c 'mkdir /www; echo "<p>hello</p>" >/www/index.html; exec httpd -f -h /www'
docker run -d --name @caller@ --net @net@ busybox sleep 1d
