# Everything is made first, and plugged in afterwards. The caller keeps its place on the default bridge.
docker run -d --name @server@ nginx
docker create -it --name @caller@ --net none busybox
docker network create -d bridge --subnet=@subnet@ --ip-range=@subnet@ --gateway=@gateway@ @net@
docker network connect --ip @address@ --alias @alias@ @net@ @server@
docker network disconnect none @caller@
docker network connect @net@ @caller@
docker start @caller@
