# shellcheck shell=bash
# Shared by everything in scripts/: where state lives, how to speak, how to become root,
# how to install a Debian package, and how to keep a background process.
# Sourced, never run. Callers have `set -euo pipefail`.

export PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"

REPO_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
# shellcheck disable=SC2034  # used by the scripts that source this file
readonly REPO_ROOT

# ---------------------------------------------------------------- speaking

PROGRAM=${PROGRAM:-$(basename "$0")} # a script sets it to how it is called from the root

say() { printf '%s\n' "$*"; }
note() { printf '%s: %s\n' "$PROGRAM" "$*" >&2; }
# die WHAT_HAPPENED WHAT_TO_DO
die() {
    printf '%s: %s\n' "$PROGRAM" "$1" >&2
    if [ $# -gt 1 ]; then printf '%s: to do: %s\n' "$PROGRAM" "$2" >&2; fi
    exit 1
}
have() { command -v "$1" >/dev/null 2>&1; }
is_root() { [ "$(id -u)" -eq 0 ]; }

# ---------------------------------------------------------------- state

state_dir() {
    if [ -n "${DEVARCH_DEV_STATE:-}" ]; then
        printf '%s\n' "$DEVARCH_DEV_STATE"
    elif is_root; then
        printf '%s\n' /var/lib/devarch-dev
    else
        printf '%s\n' "${XDG_STATE_HOME:-$HOME/.local/state}/devarch-dev"
    fi
}

STATE=$(state_dir)
readonly STATE
mkdir -p "$STATE" || die "cannot make the state directory $STATE" "set DEVARCH_DEV_STATE to a directory you can write"

# with_lock NAME COMMAND...: one at a time over all runs of these scripts.
# The command runs in a subshell; daemons it starts must close descriptor 9.
with_lock() {
    local name=$1
    shift
    (
        if ! flock -n 9; then
            note "waiting for another run ($name)"
            flock -w 1800 9 || die "another run has held $STATE/$name.lock for 30 minutes" "see what it does: fuser -v $STATE/$name.lock"
        fi
        "$@"
    ) 9>>"$STATE/$name.lock"
}

# ---------------------------------------------------------------- the machine

has_systemd() { [ -d /run/systemd/system ]; }
has_apt() { have apt-get && have dpkg-query; }

# as_root COMMAND...: directly, or through sudo.
as_root() {
    if is_root; then
        "$@"
    elif have sudo; then
        sudo "$@"
    else
        die "'$*' takes root and there is no sudo" "run this script as root"
    fi
}

package_installed() {
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

apt_run() {
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -y -o DPkg::Lock::Timeout=600 -o Dpkg::Use-Pty=0 "$@" </dev/null
}

# apt_install PACKAGE...: only what is missing; nothing is started by it where systemd does not run.
apt_install() {
    local missing=() package
    for package in "$@"; do
        package_installed "$package" || missing+=("$package")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    note "installing ${missing[*]} (apt)"
    with_lock apt apt_install_locked "${missing[@]}"
}

apt_install_locked() {
    local log=$STATE/apt.log
    block_service_starts
    if ! apt_run install --no-install-recommends "$@" >"$log" 2>&1; then
        # Lists are absent or old: fetch them, then once more.
        if ! { apt_run update && apt_run install --no-install-recommends "$@"; } >>"$log" 2>&1; then
            unblock_service_starts
            tail -n 20 "$log" >&2
            die "apt-get could not install: $*" "read $log; check /etc/apt/sources.list and the network"
        fi
    fi
    unblock_service_starts
}

# Without systemd a package's init script would start a daemon that nobody recorded.
readonly POLICY=/usr/sbin/policy-rc.d
block_service_starts() {
    policy_is_ours=
    if has_systemd || [ -e "$POLICY" ]; then return 0; fi
    as_root sh -c "printf '#!/bin/sh\nexit 101\n' >$POLICY && chmod 755 $POLICY"
    policy_is_ours=yes
}
unblock_service_starts() {
    if [ "${policy_is_ours:-}" = yes ]; then as_root rm -f "$POLICY"; fi
}

# ensure_tool COMMAND PACKAGE
ensure_tool() {
    have "$1" && return 0
    has_apt || die "'$1' is missing" "install it with this system's package manager"
    apt_install "$2"
}

# ---------------------------------------------------------------- background processes

# Identity of a process: pid plus its start time, so that a pid used again is never taken for ours.
process_start_time() { sed 's/^.*) //' "/proc/$1/stat" 2>/dev/null | cut -d ' ' -f 20; }

record_process() { # NAME PID
    local started
    started=$(process_start_time "$2")
    mkdir -p "$STATE/run"
    printf '%s %s\n' "$2" "$started" >"$STATE/run/$1"
}

# recorded_process NAME: prints the pid if the recorded process still lives.
recorded_process() {
    local pid started
    [ -s "$STATE/run/$1" ] || return 1
    read -r pid started <"$STATE/run/$1"
    [ -n "$started" ] && [ "$(process_start_time "$pid")" = "$started" ] || return 1
    printf '%s\n' "$pid"
}

# stop_recorded NAME [SIGNAL]: stops what record_process NAME noted, and nothing else.
stop_recorded() {
    local name=$1 signal=${2:-TERM} pid i
    if ! pid=$(recorded_process "$name"); then
        rm -f "$STATE/run/$name"
        return 1
    fi
    kill "-$signal" "$pid" 2>/dev/null || as_root kill "-$signal" "$pid"
    for ((i = 0; i < 300; i++)); do
        recorded_process "$name" >/dev/null || break
        sleep 0.1
    done
    recorded_process "$name" >/dev/null && die "$name (pid $pid) has not ended 30 s after SIG$signal" "look at its log in $STATE/log, then: kill -9 $pid"
    rm -f "$STATE/run/$name"
}

log_file() {
    mkdir -p "$STATE/log"
    printf '%s\n' "$STATE/log/$1.log"
}

# wait_until SECONDS COMMAND...
wait_until() {
    local deadline=$(($(date +%s) + $1))
    shift
    until "$@"; do
        [ "$(date +%s)" -lt "$deadline" ] || return 1
        sleep 0.1
    done
}
