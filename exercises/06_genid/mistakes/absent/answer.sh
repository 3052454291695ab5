# As in the source: two files, and no command that makes an image of them.
cat >genid.sh <<'END'
#!/bin/bash
while true; do rig | boxes -d @figure@ >/webdata/index.html; sleep @interval@; done
END
printf 'FROM debian\nCOPY genid.sh /bin/genid.sh\nENTRYPOINT ["/bin/genid.sh"]\n' >Dockerfile
docker run -d -v @folder@:/webdata --name genid --pull never genid || true
docker run -d -v @folder@:/usr/share/nginx/html -p @port@:80 --name nginx nginx
