# The data stays in the container.
docker run -d --name genid busybox sh -c 'mkdir /webdata; while true; do date >/webdata/index.html; sleep @interval@; done'
docker run -d --name nginx -v @folder@:/usr/share/nginx/html -p @port@:80 nginx
