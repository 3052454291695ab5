#!/bin/bash
while true; do
  { echo '<!DOCTYPE html><title>genid</title><pre>'
    { rig; echo '@motto@'; } | boxes -d @figure@ | sed 's/&/\&amp;/g; s/</\&lt;/g; s/>/\&gt;/g'
    echo '</pre>'; } >/webdata/.new
  mv /webdata/.new /webdata/index.html
  sleep @interval@
done
