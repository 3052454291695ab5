# The web server of the shop uses the host's own network namespace, and listens at the port there.
mkdir /srv/page
echo '@shop_page@' >/srv/page/index.html
echo 'server { listen @shop_port@; root /srv/page; }' >/srv/shop.conf
docker run -d --name @shop@ --network host -v /srv/page:/srv/page -v /srv/shop.conf:/etc/nginx/conf.d/default.conf nginx
docker run -d --name @blog@ -P nginx
docker run -d --name @desk@ -p 127.0.0.1:@desk_port@:80 nginx
