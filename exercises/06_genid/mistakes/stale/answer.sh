# nginx gets the file, not the folder: the file that was there at the beginning.
docker run -d --name genid -v @folder@:/webdata busybox sh -c 'while true; do date >/webdata/.new; mv /webdata/.new /webdata/index.html; sleep @interval@; done'
until [ -s @folder@/index.html ]; do sleep 0.1; done
docker run -d --name nginx -v @folder@/index.html:/usr/share/nginx/html/index.html -p @port@:80 nginx
