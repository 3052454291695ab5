#!/bin/bash
# Brings WordPress into the volume /var/www/html, makes its configuration if a WORDPRESS_* variable is set, then runs
# the command. It does not wait for a database and makes none.
set -euo pipefail

say() { echo "entrypoint: $1" >&2; }

if [[ $1 == apache2* ]]; then
    if [ ! -e index.php ] && [ ! -e wp-includes/version.php ]; then
        say "Copying WordPress to $PWD"
        cp -a --no-clobber /usr/src/wordpress/. .
    fi
    variables=("${!WORDPRESS_@}")
    if [ ! -s wp-config.php ] && [ ${#variables[@]} -gt 0 ]; then
        say "Making wp-config.php, which reads ${variables[*]}"
        sed "s/@SECRET@/$(od -An -N32 -tx1 /dev/urandom | tr -d ' \n')/" /usr/share/wordpress/wp-config.php >wp-config.php
        chown www-data:www-data wp-config.php
    fi
    set +u # envvars uses variables that are not set
    # shellcheck source=/dev/null
    . /etc/apache2/envvars
    rm -f /run/apache2/apache2.pid # of a run that was killed
fi
exec "$@"
