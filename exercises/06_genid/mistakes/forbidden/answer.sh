# The source's two folders: one has `./`, the other begins at the root.
cd /srv
docker run -d --name genid -v ./$(basename @folder@):/webdata busybox sh -c 'while true; do date >/webdata/.new; mv /webdata/.new /webdata/index.html; sleep @interval@; done'
docker run -d -v /$(basename @folder@):/usr/share/nginx/html -p @port@:80 --name nginx nginx
