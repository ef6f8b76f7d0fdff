#!/bin/sh
# Stand-in for the entry point of the official redis image, which is built with protected mode off.
set -e

if [ "${1#-}" != "$1" ] || [ "${1%.conf}" != "$1" ]; then set -- redis-server "$@"; fi
if [ "$1" = redis-server ] && [ "$(id -u)" = 0 ]; then
    find . \! -user redis -exec chown redis '{}' +
    exec gosu redis "$0" "$@"
fi
if [ "$(umask)" = 0022 ]; then umask 0077; fi
if [ "$1" = redis-server ]; then
    shift
    # A configuration file comes first; what is given later wins.
    if [ $# -gt 0 ] && [ "${1#-}" = "$1" ]; then
        file=$1
        shift
        if grep -q '^protected-mode' "$file" 2>/dev/null; then exec redis-server "$file" "$@"; fi
        set -- "$file" --protected-mode no "$@"
    else
        set -- --protected-mode no "$@"
    fi
    exec redis-server "$@"
fi
exec "$@"
