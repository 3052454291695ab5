# The source's `./`, typed somewhere else.
docker run -d --name genid -v ./$(basename @folder@):/webdata busybox sh -c 'while true; do date >/webdata/.new; mv /webdata/.new /webdata/index.html; sleep @interval@; done'
docker run -d --name nginx -v @folder@:/usr/share/nginx/html -p @port@:80 nginx
