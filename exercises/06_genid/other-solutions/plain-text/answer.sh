# No HTML at all: nginx is told that the page is plain text. And no image of one's own: the packages come at the start.
echo 'server { listen 8000; location / { root /pages; index index.html; types { } default_type text/plain; } }' >site.conf
cat >genid.sh <<'END'
apt-get update && apt-get install -y rig boxes
while true; do
    { rig; echo '@motto@'; } | boxes -d @figure@ >/out/new
    perl -e 'rename "/out/new", "/out/index.html"'
    sleep @interval@
done
END
docker run -d --name genid -v @folder@:/out -v $PWD:/answer:ro debian bash /answer/genid.sh
docker run -d --name nginx -v @folder@:/pages:ro -v $PWD/site.conf:/etc/nginx/conf.d/default.conf -p @port@:8000 nginx
until [ -s @folder@/index.html ]; do sleep 0.2; done
