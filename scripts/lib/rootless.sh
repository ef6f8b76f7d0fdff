# shellcheck shell=bash
# Podman as it runs for an ordinary user. Root's tests get a user of their own for it; everybody else's Podman is one.
# Sourced after engine.sh.

require_rootless() {
    require_podman
    ensure_tool pkill procps
    if ! has_apt; then return 0; fi
    apt_install uidmap slirp4netns fuse-overlayfs
}

start_rootless() {
    if ! is_root; then
        start_podman
        return 0
    fi
    make_rootless_user
    # Both are open to all wherever udev runs.
    chmod 666 /dev/net/tun
    [ ! -e /dev/fuse ] || chmod 666 /dev/fuse
    # Rootless network namespaces are passed on by mounts.
    mount --make-rshared /
    write_podman_conf
    local socket
    socket=$(rootless_socket)
    as_rootless mkdir -p "$(dirname "$socket")"
    rm -f "$socket"
    note "starting podman system service of $ROOTLESS_USER, log in $(log_file rootless)"
    in_background rootless "${AS_ROOTLESS[@]}" podman system service --time=0 "unix://$socket"
    wait_until 30 engine_host rootless >/dev/null || failed_to_start rootless
}

make_rootless_user() {
    local uid
    # Not a home below /var/lib: Podman 4.3 hides that from itself while it starts a container.
    rootless_uid >/dev/null || useradd --create-home --shell /usr/sbin/nologin "$ROOTLESS_USER"
    uid=$(rootless_uid)
    if ! { grep -q "^$ROOTLESS_USER:" /etc/subuid && grep -q "^$ROOTLESS_USER:" /etc/subgid; }; then
        die "$ROOTLESS_USER has no subordinate ids" "usermod --add-subuids 1000000-1065535 --add-subgids 1000000-1065535 $ROOTLESS_USER"
    fi
    # As after a start of the machine, whatever became of an earlier service: nothing runs, and nothing is told to.
    pkill -KILL -U "$uid" || true
    rm -rf "/run/user/$uid"
    install -d -m 700 -o "$ROOTLESS_USER" -g "$ROOTLESS_USER" "/run/user/$uid"
    chmod 755 "$STATE"
    AS_ROOTLESS=(setpriv "--reuid=$uid" "--regid=$(id -g "$ROOTLESS_USER")" --init-groups
        env -i "HOME=$(getent passwd "$ROOTLESS_USER" | cut -d : -f 6)" "USER=$ROOTLESS_USER" "XDG_RUNTIME_DIR=/run/user/$uid" "PATH=$PATH"
        "CONTAINERS_CONF=$PODMAN_CONF")
}

as_rootless() { (cd / && "${AS_ROOTLESS[@]}" "$@"); }
