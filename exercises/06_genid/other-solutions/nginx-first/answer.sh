# nginx first; a volume that is the folder; links that are exchanged; spaces and letters by CSS, and & < > as numbers.
mkdir -p @folder@
docker volume create -o type=none -o o=bind -o device=@folder@ pages
docker network create site
docker run -d --name nginx --net site -v pages:/usr/share/nginx/html:ro -p 203.0.113.10:@port@:80 nginx
cat >genid.sh <<'END'
#!/bin/bash
cd /pages
while true; do
    page=$(rig; echo '@motto@')
    page=$(boxes -d @figure@ <<<"$page")
    page=${page//&/'&#38;'}
    page=${page//</'&#60;'}
    printf '<style>p { white-space: pre; font: 16px monospace }</style><p>%s</p>\n' "$page" >page-$((++n))
    ln -s page-$n new
    mv -T new index.html
    rm -f page-$((n - 1))
    sleep @interval@ & wait
done
END
cat >Dockerfile <<'END'
FROM debian
RUN apt-get update && apt-get install -y rig boxes
END
docker build -q -t tools .
docker run -d --name genid --net none -v pages:/pages -v $PWD/genid.sh:/genid.sh tools bash /genid.sh
