#!/usr/bin/env bash
# Stand-in for the entry point of the official rabbitmq image: the server itself reads RABBITMQ_DEFAULT_USER and _PASS.
set -euo pipefail

if [ "$1" = rabbitmq-server ] && [ "$(id -u)" = 0 ]; then
    find /var/lib/rabbitmq \! -user rabbitmq -exec chown rabbitmq:rabbitmq {} +
    exec gosu rabbitmq "$0" "$@"
fi
exec "$@"
