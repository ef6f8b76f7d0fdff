# shellcheck shell=bash
# Measuring, the stacks that are measured, and getting rid of them.
# Sourced by scripts/bench, which sets RUN, WORK, HOST and the programs.

readonly BENCH_D=$REPO_ROOT/scripts/bench.d

# ---------------------------------------------------------------- measuring

measured=

# timed KEY COMMAND...: one measurement. In the background, so that an interrupt is heeded at once.
timed() {
    local key=$1 status=0
    shift
    python3 "$BENCH_D/timed.py" "$WORK/results" "$WORK/output" "$key" "$@" &
    measured=$!
    wait "$measured" || status=$?
    measured=
    if [ "$status" -ne 0 ]; then
        tail -n 20 "$WORK/output" >&2
        die "'$*' ended with exit code $status" "the end of what it said is above"
    fi
}

stop_measuring() {
    if [ -n "$measured" ]; then
        kill "$measured" 2>/dev/null || true
        wait "$measured" 2>/dev/null || true
    fi
}

# rounds FULL QUICK: how often something is measured
rounds() { seq "$([ -n "$quick" ] && printf '%s' "$2" || printf '%s' "$1")"; }

# line TITLE KIND OURS THEIRS TARGET: a line of the table, in the words of table.py
line() {
    local IFS=$'\t'
    printf '%s\n' "$*" >>"$WORK/lines"
}

# best KEY...: the key with the least median
best() { python3 "$BENCH_D/table.py" "$WORK" --best "$@"; }

table() {
    if [ -e "$WORK/lines" ]; then python3 "$BENCH_D/table.py" "$WORK" "$@"; fi
}

machine() {
    printf '%s cores, %s, load %s; Docker %s, Podman %s; docker compose %s, podman-compose %s\n\n' "$(nproc)" \
        "$(sed -n 's/^MemTotal: *//p' /proc/meminfo)" "$(cut -d ' ' -f 1 /proc/loadavg)" \
        "$(engine_version docker)" "$(engine_version podman)" "$("$DOCKER_COMPOSE" version --short)" "$PODMAN_COMPOSE_VERSION"
}

engine_version() { # ENGINE
    engine_curl "${HOST[$1]}" /version | python3 -c 'import json, sys; print(json.load(sys.stdin)["Version"])'
}

# ---------------------------------------------------------------- stacks

# define STACK COUNT: a directory with a devarch.yml and a compose.yaml that mean the same
define() {
    local dir=$WORK/$1 at
    mkdir -p "$dir"
    {
        printf 'version: "1"\ntemplates:\n  idle:\n    image: busybox:1.37\n'
        printf '    command: [sleep, infinity]\n    stop_grace_period: 0s\n'
        printf 'stacks:\n  %s:\n    instances:\n' "$1"
        for ((at = 0; at < $2; at++)); do printf '      i%s: { template: idle }\n' "$at"; done
    } >"$dir/devarch.yml"
    {
        printf 'services:\n'
        for ((at = 0; at < $2; at++)); do
            printf '  i%s: { image: "busybox:1.37", command: [sleep, infinity], stop_grace_period: 0s }\n' "$at"
        done
    } >"$dir/compose.yaml"
}

# ours STACK COMMAND...: devarch in the stack's directory, as words to run
ours() {
    local stack=$1
    shift
    WORDS=("$DEVARCH" -C "$WORK/$stack" --engine "${HOST[$engine]}" "$@" "$stack")
}

# theirs STACK COMMAND...: docker compose on the same stack, as words to run
theirs() {
    local stack=$1
    shift
    WORDS=("$DOCKER_COMPOSE" -p "$stack" -f "$WORK/$stack/compose.yaml" "$@")
}

timed_ours() { # KEY STACK COMMAND...
    local key=$1
    shift
    ours "$@"
    timed "$key" "${WORDS[@]}"
}

timed_theirs() { # KEY STACK COMMAND...
    local key=$1
    shift
    theirs "$@"
    timed "$key" "${WORDS[@]}"
}

podman_compose_up() { # KEY STACK
    : >"$WORK/$2/podman-compose.up"
    timed "$1" "$PODMAN_COMPOSE" -p "$2" -f "$WORK/$2/compose.yaml" up -d
}

podman_compose_down() { # STACK
    "$PODMAN_COMPOSE" -p "$1" -f "$WORK/$1/compose.yaml" down -t 0
    rm -f "$WORK/$1/podman-compose.up"
}

# sweep ENGINE PREFIX: removes what belongs to stacks and projects whose names begin so
sweep() { "$BARE" down "${HOST[$1]}" "$2"; }
