# A loop on the host makes the pages, with the tools of a container that does nothing itself.
printf 'FROM debian\nRUN apt-get update && apt-get install -y rig boxes\n' >Dockerfile
docker build -q -t tools .
docker run -d -it --name genid -v @folder@:/webdata tools bash
docker run -d -it --name helper tools bash
cat >make.sh <<'END'
while true; do
    { echo '<pre>'; docker exec helper bash -c "{ rig; echo '@motto@'; } | boxes -d @figure@" |
        sed 's/&/\&amp;/g; s/</\&lt;/g; s/>/\&gt;/g'; } >@folder@/.new
    mv @folder@/.new @folder@/index.html
    sleep @interval@
done
END
setsid bash make.sh >/dev/null 2>&1 &
docker run -d --name nginx -v @folder@:/usr/share/nginx/html -p @port@:80 nginx
