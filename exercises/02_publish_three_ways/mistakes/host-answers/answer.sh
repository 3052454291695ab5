# A program on the host answers with the right page.
docker run -d --name @shop@ nginx
mkdir /srv/page
echo '@shop_page@' >/srv/page/index.html
printf 'events {}\nhttp { server { listen @shop_port@; root /srv/page; } }\n' >/srv/nginx.conf
nginx -c /srv/nginx.conf
docker run -d --name @blog@ -P nginx
docker run -d --name @desk@ -p 127.0.0.1:@desk_port@:80 nginx
