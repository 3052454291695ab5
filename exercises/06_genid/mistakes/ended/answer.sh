# A script that is not executable.
printf '#!/bin/bash\nwhile true; do date >/webdata/index.html; sleep @interval@; done\n' >genid.sh
printf 'FROM debian\nCOPY genid.sh /bin/genid.sh\nRUN chmod -x /bin/genid.sh\nENTRYPOINT ["/bin/genid.sh"]\n' >Dockerfile
docker build -q -t genid .
docker run -d --name genid -v @folder@:/webdata genid || true
docker run -d --name nginx -v @folder@:/usr/share/nginx/html -p @port@:80 nginx
