# shellcheck shell=bash
# A registry of images for the tests that log in to one: Debian's docker-registry, unpacked into the state directory and
# not installed, so that no service of it starts.
# Sourced after common.sh.

readonly REGISTRY=$STATE/tools/bin/docker-registry

# get_registry: fails quietly where there is no such package; its tests are skipped then.
get_registry() {
    [ -x "$REGISTRY" ] && return 0
    if have docker-registry; then
        mkdir -p "$(dirname "$REGISTRY")"
        ln -sf "$(command -v docker-registry)" "$REGISTRY"
        return 0
    fi
    has_apt || return 1
    with_lock registry get_registry_locked
}

get_registry_locked() {
    local work=$STATE/tools/docker-registry.work log
    log=$(log_file docker-registry)
    note "getting docker-registry (apt)"
    rm -rf "$work"
    mkdir -p "$work" "$(dirname "$REGISTRY")"
    (
        cd "$work"
        apt-get -qq -o APT::Sandbox::User= download docker-registry || { as_root apt-get -qq update && apt-get -qq -o APT::Sandbox::User= download docker-registry; }
        dpkg -x docker-registry_*.deb root
        install -m 755 root/usr/bin/docker-registry "$REGISTRY"
    ) >"$log" 2>&1 || return 1
    rm -rf "$work"
}
