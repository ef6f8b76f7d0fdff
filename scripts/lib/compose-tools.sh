# shellcheck shell=bash
# Docker Compose v2 and podman-compose, in the state directory and nowhere else: for the test that a written Compose
# file runs without DevArch, and for the benchmark.
# Sourced after common.sh.

readonly TOOLS=$STATE/tools
# bookworm has only the old Compose in Python
readonly COMPOSE_SUITE=trixie
readonly PODMAN_COMPOSE_VERSION=1.6.0

# compose_tools: gets what is missing and prints two lines, docker-compose's path and podman-compose's.
compose_tools() {
    if ! { [ -x "$TOOLS/bin/docker-compose" ] && [ -x "$TOOLS/bin/podman-compose" ]; }; then
        with_lock compose-tools compose_tools_locked >&2
    fi
    printf '%s\n' "$TOOLS/bin/docker-compose" "$TOOLS/bin/podman-compose"
}

compose_tools_locked() {
    mkdir -p "$TOOLS/bin"
    [ -x "$TOOLS/bin/docker-compose" ] || get_docker_compose
    [ -x "$TOOLS/bin/podman-compose" ] || get_podman_compose
}

# The engine's own plugin where there is a good one, else Debian's package of a later suite, unpacked and not installed.
get_docker_compose() {
    local plugin work=$TOOLS/docker-compose.work log
    for plugin in "${DOCKER_CONFIG:-$HOME/.docker}/cli-plugins" /usr/local/lib/docker/cli-plugins /usr/libexec/docker/cli-plugins /usr/lib/docker/cli-plugins; do
        if [ -x "$plugin/docker-compose" ]; then
            ln -sf "$plugin/docker-compose" "$TOOLS/bin/docker-compose"
            return 0
        fi
    done
    has_apt || die "docker compose v2 is not installed" "install its plugin with this system's package manager"
    log=$(log_file docker-compose)
    note "getting docker compose from Debian $COMPOSE_SUITE"
    rm -rf "$work"
    mkdir -p "$work"/{lists/partial,cache/archives/partial,root}
    printf 'deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] %s %s main\n' \
        "${DEVARCH_DEBIAN_MIRROR:-http://deb.debian.org/debian}" "$COMPOSE_SUITE" >"$work/sources.list"
    if ! (
        cd "$work"
        apt_apart() {
            apt-get -qq -o Dir::Etc::SourceList="$work/sources.list" -o Dir::Etc::SourceParts=/dev/null \
                -o Dir::State::Lists="$work/lists" -o Dir::Cache="$work/cache" -o APT::Sandbox::User= "$@"
        }
        apt_apart update && apt_apart download docker-compose && dpkg -x docker-compose_*.deb root
    ) >"$log" 2>&1; then
        tail -n 10 "$log" >&2
        die "docker compose could not be fetched" "the end of the log is above, the whole is in $log"
    fi
    install -m 755 "$(find "$work/root" -type f -name docker-compose -perm -1 | head -n 1)" "$TOOLS/bin/docker-compose"
    rm -rf "$work"
    "$TOOLS/bin/docker-compose" version --short >/dev/null || die "the docker-compose of $COMPOSE_SUITE does not run here" "install docker compose v2 yourself"
}

get_podman_compose() {
    local log python=/usr/bin/python3
    log=$(log_file podman-compose)
    if [ -x "$python" ] && has_apt; then
        package_installed python3-venv || apt_install python3-venv
    else
        python=python3
    fi
    note "getting podman-compose $PODMAN_COMPOSE_VERSION from PyPI"
    if ! { "$python" -m venv "$TOOLS/venv" && "$TOOLS/venv/bin/pip" install -q "podman-compose==$PODMAN_COMPOSE_VERSION"; } >"$log" 2>&1; then
        tail -n 10 "$log" >&2
        die "podman-compose could not be installed" "the end of the log is above, the whole is in $log"
    fi
    # It runs podman's command line, which needs what the service needs.
    cat >"$TOOLS/bin/podman-compose" <<WRAPPER
#!/bin/sh
conf=$STATE/podman/containers.conf
if [ -s "\$conf" ] && [ -z "\${CONTAINERS_CONF:-}" ]; then export CONTAINERS_CONF="\$conf"; fi
exec "$TOOLS/venv/bin/podman-compose" "\$@"
WRAPPER
    chmod 755 "$TOOLS/bin/podman-compose"
}
