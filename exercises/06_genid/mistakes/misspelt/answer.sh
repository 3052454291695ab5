# The source's slip of the pen.
docker run -d --name genid -v @folder@:/webdata busybox sh -c 'while true; do date >/webdata/.new; mv /webdata/.new /webdata/index.html; sleep @interval@; done'
docker run -d --name nignx -v @folder@:/usr/share/nginx/html -p @port@:80 nginx
