# shellcheck shell=bash
# Finding and addressing the container engines through their API sockets: Docker, Podman, and for the tests a third,
# "rootless": Podman as it runs for an ordinary user.
# Sourced after common.sh.

# shellcheck disable=SC2034  # used by the scripts that source this file
readonly ENGINES=(docker podman)

readonly ROOTLESS_USER=devarch-rootless # runs it where root runs the tests

check_engine_name() {
    case $1 in
    docker | podman | rootless) ;;
    *) die "there is no engine '$1'" "name docker, podman or rootless" ;;
    esac
}

# engine_curl HOST PATH [CURL OPTION...]: HOST is unix:///path or tcp://host:port
engine_curl() {
    local host=$1 path=$2
    shift 2
    case $host in
    unix://*) curl -sS --unix-socket "${host#unix://}" "$@" "http://engine$path" ;;
    tcp://*) curl -sS "$@" "http://${host#tcp://}$path" ;;
    *) return 1 ;;
    esac
}

# engine_kind HOST: prints docker or podman when the socket answers.
engine_kind() {
    local headers
    case $1 in unix://*) [ -S "${1#unix://}" ] || return 1 ;; esac
    headers=$(engine_curl "$1" /_ping -f -o /dev/null -D - --max-time 3 2>/dev/null) || return 1
    case $headers in
    *[Ll]ibpod-[Aa]pi-[Vv]ersion*) printf 'podman\n' ;;
    *) printf 'docker\n' ;;
    esac
}

rootless_uid() { id -u "$ROOTLESS_USER" 2>/dev/null; }

# The socket of an ordinary user's Podman, or nothing where it can't be there.
rootless_socket() {
    local uid
    if is_root; then
        if uid=$(rootless_uid); then printf '/run/user/%s/podman/podman.sock\n' "$uid"; fi
    elif [ -n "${XDG_RUNTIME_DIR:-}" ] && [ -w "${XDG_RUNTIME_DIR:-}" ]; then
        printf '%s/podman/podman.sock\n' "$XDG_RUNTIME_DIR"
    else
        printf '%s/podman/podman.sock\n' "$STATE"
    fi
}

# engine_candidates ENGINE: addresses to try, best first.
engine_candidates() {
    local runtime=${XDG_RUNTIME_DIR:-}
    case $1 in
    docker)
        printf '%s\n' "${DEVARCH_TEST_DOCKER:-}" "${DOCKER_HOST:-}" unix:///var/run/docker.sock \
            "${runtime:+unix://$runtime/docker.sock}"
        ;;
    podman)
        printf '%s\n' "${DEVARCH_TEST_PODMAN:-}" "${CONTAINER_HOST:-}" unix:///run/podman/podman.sock \
            "${runtime:+unix://$runtime/podman/podman.sock}" "unix://$STATE/podman/podman.sock"
        ;;
    rootless) printf '%s\n' "${DEVARCH_TEST_ROOTLESS:-}" "unix://$(rootless_socket)" ;;
    esac | grep -v '^$'
}

# engine_host ENGINE: prints the address of a running engine, or fails.
engine_host() {
    local host kind=$1
    [ "$1" != rootless ] || kind=podman
    while read -r host; do
        if [ "$(engine_kind "$host")" = "$kind" ]; then
            printf '%s\n' "$host"
            return 0
        fi
    done < <(engine_candidates "$1")
    return 1
}
