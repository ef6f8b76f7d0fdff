# shellcheck shell=bash
# What is measured. Contestants take turns, so that what else the machine does hits them alike.
# Sourced by scripts/bench.

# Fifty instances run and nothing is to be done. Compose has fifty of its own beside them.
case_warm() {
    local engine=docker stack=$RUN-warm
    define "$stack" 50
    timed_ours setup "$stack" up --yes
    timed_theirs setup "$stack" up -d
    for _ in $(rounds 31 7); do
        timed_ours warm-plan "$stack" plan
        timed_theirs warm-up "$stack" up -d
        timed_ours warm-status "$stack" status
        timed_theirs warm-ps "$stack" ps
    done
    line 'plan of 50 running instances / docker compose up -d with nothing to do' ratio warm-plan warm-up 0.333
    line 'status of 50 running instances / docker compose ps' ratio warm-status warm-ps 0.333
    sweep docker "$stack"
}

# Five hundred instances that are in a file and nowhere else.
case_plan() {
    local engine=docker stack=$RUN-plan
    define "$stack" 500
    for _ in $(rounds 15 5); do
        timed_ours first-plan "$stack" plan
        timed_theirs config "$stack" config
    done
    line 'first plan of 500 instances / docker compose config' ratio first-plan config 0.5
}

case_cold() {
    local engine
    for engine in "${ENGINES[@]}"; do cold_on; done
    for _ in $(rounds 7 2); do
        timed journal "$JOURNAL" "sqlite://$WORK/journal-$RANDOM.db" "$RUN-journal" 30
    done
    line 'locking and journalling of 30 instances, less 10 ms / up of 30 on Docker' share:0.01 journal cold-docker 0.05
    line 'up of 30 instances on Docker / bare API' ratio cold-docker bare-docker 1.1
    line 'up of 30 instances on Docker / docker compose up -d' ratio cold-docker cold-compose 1.0
    line 'up of 30 instances on Podman / bare API' ratio cold-podman bare-podman 1.1
    line 'up of 30 instances on Podman / podman-compose up -d' ratio cold-podman cold-podman-compose 0.5
}

cold_on() {
    local stack=$RUN-cold-$engine at_once
    define "$stack" 30
    for _ in $(rounds 3 1); do
        for at_once in 2 4 8 16; do bare_up "trial-$engine-$at_once" "$at_once"; done
    done
    at_once=$(best "trial-$engine"-{2,4,8,16})
    note "on $engine the bare API is fastest with ${at_once##*-} at once"
    for _ in $(rounds 9 2); do
        bare_up "bare-$engine" "${at_once##*-}"
        timed_ours "cold-$engine" "$stack" up --yes
        timed_ours down "$stack" down --yes
        "cold_compose_$engine"
    done
}

bare_up() { # KEY AT_ONCE
    timed "$1" "$BARE" up "${HOST[$engine]}" "$stack-bare" 30 "$2"
    sweep "$engine" "$stack-bare"
}

cold_compose_docker() {
    timed_theirs cold-compose "$stack" up -d
    sweep docker "$stack"
}

cold_compose_podman() {
    podman_compose_up cold-podman-compose "$stack"
    podman_compose_down "$stack" >"$WORK/output" 2>&1
}

# Four instances, each a second from healthy, each waiting for the one before; checks every ten seconds.
case_chain() {
    local engine stack=$RUN-chain
    define_chain
    for engine in "${ENGINES[@]}"; do
        for _ in $(rounds 5 2); do
            timed_ours "chain-$engine" "$stack" up --yes
            timed_ours down "$stack" down --yes
            timed "chain-bare-$engine" "$BARE" chain "${HOST[$engine]}" "$stack-bare" 4
            sweep "$engine" "$stack-bare"
        done
        line "chain of four, 10 s between checks, on ${engine^}: up less the 4 s they need" less:4 "chain-$engine" - 1.5
        line "the same, more than by the bare API, each a second after the start of the one before" more "chain-$engine" "chain-bare-$engine" -
        forget
    done
    if [ -z "$quick" ]; then
        timed_theirs chain-compose "$stack" up -d --wait
        line 'the same with docker compose up -d --wait' less:4 chain-compose - -
        sweep docker "$stack"
    fi
}

define_chain() {
    local dir=$WORK/$stack body at
    body='command: [sh, -c, "sleep 1; touch /ok; exec sleep infinity"], stop_grace_period: 0s'
    body+=', healthcheck: { test: [CMD, test, -f, /ok], interval: 10s }'
    mkdir -p "$dir"
    {
        printf 'version: "1"\ntemplates:\n  slow: { image: "busybox:1.37", %s }\n' "$body"
        printf 'stacks:\n  %s:\n    instances:\n      i0: { template: slow }\n' "$stack"
        for at in 1 2 3; do printf '      i%s: { template: slow, depends_on: [i%s] }\n' "$at" $((at - 1)); done
    } >"$dir/devarch.yml"
    {
        printf 'services:\n  i0: { image: "busybox:1.37", %s }\n' "$body"
        for at in 1 2 3; do
            printf '  i%s: { image: "busybox:1.37", %s, depends_on: { i%s: { condition: service_healthy } } }\n' \
                "$at" "$body" $((at - 1))
        done
    } >"$dir/compose.yaml"
}

# A web server is replaced while somebody asks for its page all the time. Beside it the same container, stopped and
# started again by hand: what its own start takes.
case_replace() {
    local engine stack=$RUN-replace port value=0
    for engine in "${ENGINES[@]}"; do
        define_web
        timed_ours setup "$stack" up --yes
        port=$("$DEVARCH" -C "$WORK/$stack" --engine "${HOST[$engine]}" status "$stack" --json |
            python3 -c 'import json, sys; print(json.load(sys.stdin)["stacks"][0]["instances"][0]["ports"][0]["host"].rpartition(":")[2])')
        for _ in $(rounds 5 3); do
            gap "again-$engine" "$BARE" again "${HOST[$engine]}" "devarch-$stack-web"
            value=$((value + 1))
            "$DEVARCH" -C "$WORK/$stack" --engine "${HOST[$engine]}" set "$stack/web" "environment.N=$value" >"$WORK/output" 2>&1
            ours "$stack" apply --yes
            gap "gap-$engine" "${WORDS[@]}"
        done
        line "without the service while it is replaced on ${engine^}, more than a stop and start by hand" more "gap-$engine" "again-$engine" 0.3
        sweep "$engine" "$stack"
        forget
    done
}

gap() { # KEY COMMAND...
    local key=$1
    shift
    python3 "$BENCH_D/gap.py" "$WORK/results" "$WORK/output" "$key" "$port" "$@" || {
        tail -n 20 "$WORK/output" >&2
        die "'$*' failed" "the end of what it said is above"
    }
}

define_web() {
    mkdir -p "$WORK/$stack"
    cat >"$WORK/$stack/devarch.yml" <<YML
version: "1"
templates:
  web:
    image: busybox:1.37
    command: [sh, -c, "trap 'exit 0' TERM; httpd -f -p 8000 -h /etc & wait"]
    ports: [8000]
stacks:
  $stack:
    instances:
      web: { template: web }
YML
}

# A stack stays on the engine of its first apply; the next engine gets a new store.
forget() { rm -rf "$DEVARCH_HOME"; }

case_memory() {
    local engine=docker stack=$RUN-memory
    define "$stack" 500
    timed_ours memory-plan "$stack" plan
    line 'memory of the first plan of 500 instances' memory memory-plan - 60
    if [ -z "$quick" ]; then
        timed_ours memory-up "$stack" up --yes
        timed_ours memory-replan "$stack" plan
        line 'memory of up of 500 instances' memory memory-up - 60
        line 'memory of a plan of 500 that run' memory memory-replan - 60
        timed_ours memory-status "$stack" status
        line 'memory of status of 500 that run' memory memory-status - 60
        line 'up of 500 instances' less:0 memory-up - -
        sweep docker "$stack"
    fi
}

# As many stacks as one engine has to have room for.
case_many() {
    local engine=docker at begun
    for ((at = 0; at < 100; at++)); do define "$RUN-many-$at" 1; done
    begun=$(now_ms)
    for ((at = 0; at < 100; at++)); do timed_ours many-up "$RUN-many-$at" up --yes; done
    total many-up-all "$begun"
    begun=$(now_ms)
    for ((at = 0; at < 100; at++)); do timed_ours many-down "$RUN-many-$at" down --yes; done
    total many-down-all "$begun"
    line '100 stacks on Docker: up, all of them' less:0 many-up-all - -
    line '100 stacks on Docker: down, all of them' less:0 many-down-all - -
}

# total KEY BEGUN: the time since then as a measurement
total() { printf '%s\t%s\t0\n' "$1" $(($(now_ms) - $2)) >>"$WORK/results"; }
