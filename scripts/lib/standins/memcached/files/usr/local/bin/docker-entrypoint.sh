#!/bin/sh
# Stand-in for the entry point of the official memcached image.
set -e

if [ "${1#-}" != "$1" ]; then set -- memcached "$@"; fi
exec "$@"
