# The port leads to the container of a first try.
docker run -d --name first-try -p @shop_port@:80 nginx
docker exec first-try sh -c 'echo "@shop_page@" >/usr/share/nginx/html/index.html'
docker run -d --name @shop@ nginx
docker run -d --name @blog@ -P nginx
docker run -d --name @desk@ -p 127.0.0.1:@desk_port@:80 nginx
