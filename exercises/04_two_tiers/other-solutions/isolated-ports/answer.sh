# Both on docker0, with a link. The bridge itself keeps the other cables away (bridge(8): isolated ports).
docker run -d --name @back@ -v /srv/records:/www busybox httpd -f -p @back_port@ -h /www
docker run -d --name @front@ --link @back@ -p @port@:80 -v /srv/front.conf:/etc/nginx/conf.d/default.conf nginx
for name in @back@ @lodger@; do bridge link set dev $(veth-of $name) isolated on; done
