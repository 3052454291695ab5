# The folder is at one place in the container, the script writes to another.
docker run -d --name genid -v @folder@:/data busybox sh -c 'mkdir /webdata; while true; do date >/webdata/.new; mv /webdata/.new /webdata/index.html; sleep @interval@; done'
docker run -d --name nginx -v @folder@:/usr/share/nginx/html -p @port@:80 nginx
