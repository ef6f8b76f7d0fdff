#!/bin/sh
# Stand-in for the entry point of the eclipse-mosquitto image.
set -e

if [ "$(id -u)" = 0 ] && [ -d /mosquitto ]; then chown -R mosquitto:mosquitto /mosquitto || true; fi
exec "$@"
