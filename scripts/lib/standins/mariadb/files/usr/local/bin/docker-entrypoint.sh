#!/usr/bin/env bash
# Stand-in for the entry point of the official mariadb image: MARIADB_* (or MYSQL_*) variables, and *_FILE.
# While the data directory is made, the server listens on its unix socket only.
set -euo pipefail

readonly DATA=/var/lib/mysql SOCKET=/run/mysqld/mysqld.sock

# setting NAME [DEFAULT]: MARIADB_NAME, MYSQL_NAME, or the file that one of them with _FILE names
setting() {
    local name
    for name in "MARIADB_$1" "MYSQL_$1"; do
        if [ -n "${!name:-}" ]; then
            printf '%s' "${!name}"
            return
        fi
        name=${name}_FILE
        if [ -n "${!name:-}" ]; then
            cat "${!name}"
            return
        fi
    done
    printf '%s' "${2:-}"
}

quoted() { printf "'%s'" "$(sed -e 's/\\/\\\\/g' -e "s/'/\\\\'/g" <<<"$1")"; }
# shellcheck disable=SC2016
named() { printf '`%s`' "${1//\`/\`\`}"; }
client() { mariadb --socket="$SOCKET" -u root "$@"; }

init_files() {
    local file database=$1
    for file in /docker-entrypoint-initdb.d/*; do
        # shellcheck disable=SC1090
        case $file in
        *.sh) if [ -x "$file" ]; then "$file"; else . "$file"; fi ;;
        *.sql) client ${database:+"$database"} <"$file" ;;
        *.sql.gz) gunzip -c "$file" | client ${database:+"$database"} ;;
        esac
    done
}

accounts() {
    local root=$1 database=$2 user=$3 password=$4
    echo "CREATE USER IF NOT EXISTS healthcheck@'127.0.0.1', healthcheck@'::1', healthcheck@localhost;"
    if [ -n "$database" ]; then echo "CREATE DATABASE IF NOT EXISTS $(named "$database");"; fi
    if [ -n "$user" ]; then
        echo "CREATE USER $(quoted "$user")@'%' IDENTIFIED BY $(quoted "$password");"
        if [ -n "$database" ]; then echo "GRANT ALL ON $(named "$database").* TO $(quoted "$user")@'%';"; fi
    fi
    echo "CREATE USER root@'%' IDENTIFIED BY $(quoted "$root");"
    echo "GRANT ALL ON *.* TO root@'%' WITH GRANT OPTION;"
}

initialise() {
    local root database user password i server
    root=$(setting ROOT_PASSWORD)
    database=$(setting DATABASE)
    user=$(setting USER)
    password=$(setting PASSWORD)
    if [ -z "$root" ]; then
        if [ -n "$(setting RANDOM_ROOT_PASSWORD)" ]; then
            root=$(head -c 24 /dev/urandom | base64)
            echo "GENERATED ROOT PASSWORD: $root"
        elif [ -z "$(setting ALLOW_EMPTY_ROOT_PASSWORD)$(setting ALLOW_EMPTY_PASSWORD)" ]; then
            echo 'error: Database is uninitialized and password option is not specified' >&2
            echo '       You need to specify one of MARIADB_ROOT_PASSWORD, MARIADB_ALLOW_EMPTY_ROOT_PASSWORD and MARIADB_RANDOM_ROOT_PASSWORD' >&2
            exit 1
        fi
    fi
    mariadb-install-db --datadir="$DATA" --auth-root-authentication-method=normal --skip-test-db --rpm >/dev/null
    mariadbd --skip-networking --socket="$SOCKET" --innodb-flush-log-at-trx-commit=0 &
    server=$!
    for ((i = 0; i < 300; i++)); do
        if client -e 'SELECT 1' >/dev/null 2>&1; then break; fi
        sleep 0.1
    done
    accounts "$root" "$database" "$user" "$password" | client
    init_files "$database"
    if [ -n "$root" ]; then client -e "ALTER USER root@localhost IDENTIFIED BY $(quoted "$root");"; fi
    kill -TERM "$server"
    wait "$server"
    echo 'MariaDB init process done. Ready for start up.'
}

if [ "${1:0:1}" = - ]; then set -- mariadbd "$@"; fi
if [ "$1" = mariadbd ] || [ "$1" = mysqld ]; then
    if [ "$(id -u)" = 0 ]; then
        mkdir -p "$DATA" /run/mysqld
        find "$DATA" /run/mysqld \! -user mysql -exec chown mysql:mysql {} +
        exec gosu mysql "$0" "$@"
    fi
    if [ ! -d "$DATA/mysql" ]; then initialise; fi
fi
exec "$@"
