# The back end is made again and gets another address. nginx goes on with the old one.
docker network create tiers
docker run -d --name @back@ --net tiers -v /srv/records:/www busybox httpd -f -p @back_port@ -h /www
docker run -d --name @front@ --net tiers -p @port@:80 -v /srv/front.conf:/etc/nginx/conf.d/default.conf nginx
until curl -fs -o /dev/null http://127.0.0.1:@port@/; do sleep 0.1; done
docker rm -f @back@
docker run -d -it --name other --net tiers busybox
docker run -d --name @back@ --net tiers -v /srv/records:/www busybox httpd -f -p @back_port@ -h /www
