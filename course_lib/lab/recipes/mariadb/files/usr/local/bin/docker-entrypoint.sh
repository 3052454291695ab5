#!/bin/bash
# Makes a database in an empty /var/lib/mysql from MARIADB_* or MYSQL_* variables, then runs the command.
# A directory that holds a database already is left as it is, whatever the variables say.
set -euo pipefail

DATA=/var/lib/mysql
UNFINISHED=$DATA/.unfinished # is there from the beginning to the end of making a database

say() { echo "entrypoint: $1" >&2; }

# Prints the value of a setting: MARIADB_X before MYSQL_X; X_FILE names a file that holds it.
setting() {
    local name
    for name in "MARIADB_$1" "MYSQL_$1"; do
        if [ -n "${!name-}" ]; then printf %s "${!name}" && return; fi
        name+=_FILE
        if [ -n "${!name-}" ]; then cat "${!name}" && return; fi
    done
}

# Prints a text as a string of SQL, on one line.
quoted() {
    local text=${1//\\/\\\\}
    text=${text//\'/\\\'}
    printf "'%s'" "${text//$'\n'/\\n}"
}

# Prints what the database begins with. Mind that `mariadbd --bootstrap` wants one statement a line.
first_words() {
    local root name user password
    root=$(quoted "$(setting ROOT_PASSWORD)")
    # mariadb-install-db makes accounts for this container's name, which nobody can use without name lookups.
    echo "DELETE FROM mysql.global_priv WHERE Host <> 'localhost';"
    echo "DELETE FROM mysql.proxies_priv WHERE Host <> 'localhost';"
    echo "FLUSH PRIVILEGES;"
    echo "ALTER USER root@localhost IDENTIFIED BY $root;"
    echo "CREATE USER root@'%' IDENTIFIED BY $root;"
    echo "GRANT ALL ON *.* TO root@'%' WITH GRANT OPTION;"
    name=$(setting DATABASE)
    [ -z "$name" ] || echo "CREATE DATABASE \`${name//\`/\`\`}\`;"
    user=$(setting USER)
    password=$(setting PASSWORD)
    [ -n "$user" ] && [ -n "$password" ] || return 0
    user=$(quoted "$user")
    echo "CREATE USER $user@'%' IDENTIFIED BY $(quoted "$password");"
    name=${name//\`/\`\`} # in a GRANT the characters _ and % of a database's name are wildcards
    name=${name//_/\\_}
    [ -z "$name" ] || echo "GRANT ALL ON \`${name//%/\\%}\`.* TO $user@'%';"
}

make_database() {
    if [ -z "$(setting ROOT_PASSWORD)" ]; then
        say "There is no database yet, and no password for its root: set MARIADB_ROOT_PASSWORD or MYSQL_ROOT_PASSWORD."
        exit 1
    fi
    if [ -n "$(setting PASSWORD)" ] && [ -z "$(setting USER)" ]; then
        say "Warning: MYSQL_PASSWORD (or MARIADB_PASSWORD) is ignored, because MYSQL_USER is missing."
    fi
    if [ -n "$(setting USER)" ] && [ -z "$(setting PASSWORD)" ]; then
        say "Warning: MYSQL_USER (or MARIADB_USER) is ignored, because MYSQL_PASSWORD is missing."
    fi
    say "Making a database in $DATA"
    touch "$UNFINISHED"
    mariadb-install-db --rpm --auth-root-authentication-method=normal --skip-test-db >/dev/null
    first_words | mariadbd --bootstrap
    rm "$UNFINISHED"
    say "The database is made"
}

if [ "$1" = mariadbd ] || [ "$1" = mysqld ]; then
    if [ "$(id -u)" = 0 ]; then
        find "$DATA" \! -user mysql -exec chown mysql:mysql {} +
        exec setpriv --reuid mysql --regid mysql --clear-groups "$0" "$@"
    fi
    trap 'exit 143' TERM # process 1 ignores what it has no handler for
    # What is unfinished came from here, into an empty directory: it can go.
    [ ! -e "$UNFINISHED" ] || find "$DATA" -mindepth 1 -delete
    if [ ! -d "$DATA/mysql" ]; then
        if [ -n "$(ls -A "$DATA")" ]; then
            say "$DATA is not empty, but holds no database: give an empty directory."
            exit 1
        fi
        make_database
    fi
fi
exec "$@"
