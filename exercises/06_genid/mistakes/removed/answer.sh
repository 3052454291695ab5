# First away with the old one.
cat >genid.sh <<'END'
#!/bin/bash
while true; do
  { echo '<pre>'; { rig; echo '@motto@'; } | boxes -d @figure@ | sed 's/&/\&amp;/g; s/</\&lt;/g; s/>/\&gt;/g'; echo '</pre>'; } >/webdata/.new
  rm -f /webdata/index.html
  mv /webdata/.new /webdata/index.html
  sleep @interval@
done
END
cat >Dockerfile <<'END'
FROM debian
RUN apt-get update && apt-get install -y rig boxes
COPY genid.sh /usr/local/bin/
ENTRYPOINT ["bash", "/usr/local/bin/genid.sh"]
END
docker build -q -t genid .
docker run -d --init --name genid -v @folder@:/webdata genid
docker run -d --name nginx -v @folder@:/usr/share/nginx/html -p @port@:80 nginx
