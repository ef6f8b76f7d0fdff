#!/bin/sh
# Stand-in for the entry point of the official nginx image: /docker-entrypoint.d/*.sh, and
# /etc/nginx/templates/*.template with the environment put in.
set -e

if [ "$1" = nginx ] || [ "$1" = nginx-debug ]; then
    for file in /docker-entrypoint.d/*.sh; do
        if [ -x "$file" ]; then "$file"; fi
    done
    names=$(awk 'BEGIN { for (name in ENVIRON) printf "${%s} ", name }')
    for file in /etc/nginx/templates/*.template; do
        [ -e "$file" ] || continue
        target=/etc/nginx/conf.d/$(basename "$file" .template)
        envsubst "$names" <"$file" >"$target"
    done
fi
exec "$@"
