# The web server of busybox in the place of nginx, a volume, and a network of its own.
docker network create shelf
docker volume create page
docker run --rm -v page:/www busybox sh -c 'echo "@shop_page@" >/www/index.html'
docker run -d --name @shop@ --net shelf -v page:/www -p @shop_port@:80 busybox httpd -f -h /www
docker run -d --name @blog@ --net shelf -p 40000-40009:80 nginx
docker run -d --name @desk@ --net shelf -p 127.0.0.1:@desk_port@:80 nginx
