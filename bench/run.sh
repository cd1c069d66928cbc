#!/usr/bin/env bash
# Compares the gateway with nginx and with no proxy at all, in front of one simulated platform, and prints a Markdown table.
# See bench/README.md for what is measured and which variables change it.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
bin=${BENCH_BIN:-$root/target/release}
servers=${BENCH_SERVERS:-direct nginx gateway}
first_port=${BENCH_PORT:-19100}
limit=${BENCH_SECONDS:-170}     # for the whole comparison, without the build
one_run=${BENCH_RUN_SECONDS:-9} # for one row of the table
key=bench-key-123456

sim_port=$first_port
nginx_port=$((first_port + 1))
gateway_port=$((first_port + 2))

. "$root/bench/lib.sh"

declare -A pids=() urls=()

wants() { [[ " $servers " == *" $1 "* ]]; }

build() {
    if [ -n "${BENCH_BIN:-}" ]; then return; fi
    local packages=(-p ir-sim)
    if wants gateway; then packages+=(-p img-router); fi
    (cd "$root" && cargo build --release "${packages[@]}") >&2
}

start_sim() {
    "$bin/ir-sim" serve --port "$sim_port" --no-hash >"$dir/sim.log" 2>&1 &
    started+=($!)
    wait_for ir-sim "$sim_port" $! "$dir/sim.log"
    pids[direct]=
    urls[direct]=http://127.0.0.1:$sim_port
}

start_nginx() {
    if ! command -v nginx >/dev/null && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        say "installing nginx"
        apt-get install -y -qq --no-install-recommends nginx-light >/dev/null 2>&1 || true
    fi
    if ! command -v nginx >/dev/null; then
        say "nginx is not here and cannot be installed: its rows are left out"
        return
    fi
    mkdir "$dir/nginx"
    # As root the workers would be another user's, who may not enter the temporary directory.
    local user=
    if [ "$(id -u)" = 0 ]; then user='user root;'; fi
    sed -e "s|@DIR@|$dir/nginx|; s|@PORT@|$nginx_port|; s|@UPSTREAM@|127.0.0.1:$sim_port|; s|@USER@|$user|" \
        "$root/bench/nginx.conf" >"$dir/nginx/nginx.conf"
    nginx -p "$dir/nginx" -e "$dir/nginx/error.log" -c "$dir/nginx/nginx.conf" >"$dir/nginx.log" 2>&1 &
    local master=$!
    started+=("$master")
    wait_for nginx "$nginx_port" "$master" "$dir/nginx/error.log"
    pids[nginx]="$master $(pgrep -P "$master" | tr '\n' ' ')"
    urls[nginx]=http://127.0.0.1:$nginx_port
}

start_gateway() {
    export IMG_ROUTER_DATA_DIR=$dir/data IMG_ROUTER_HOST=127.0.0.1 PORT=$gateway_port
    export IMG_ROUTER_GLOBAL_ACCESS_KEY=$key IMG_ROUTER_ALLOW_PRIVATE=127.0.0.1:$sim_port LOG_LEVEL=error
    mkdir -m 700 "$IMG_ROUTER_DATA_DIR"
    cat >"$IMG_ROUTER_DATA_DIR/runtime-config.json" <<JSON
{"system": {"modes": {"relay": false, "backend": true}, "requestLogging": false}, "limits": {"keyConcurrency": 64},
 "providers": {"NewApi": {"enabled": true, "baseUrl": "http://127.0.0.1:$sim_port", "text": {"model": "bench"}, "edit": {"model": "bench"}}}}
JSON
    chmod 600 "$IMG_ROUTER_DATA_DIR/runtime-config.json"
    "$bin/img-router" keys add NewApi sk-bench-0123456789abcdef0123456789abcdef >"$dir/keys.log" 2>&1 \
        || { cat "$dir/keys.log" >&2; fail "the gateway takes no key"; }
    "$bin/img-router" serve >"$dir/gateway.log" 2>&1 &
    started+=($!)
    pids[gateway]=$!
    wait_for img-router "$gateway_port" $! "$dir/gateway.log"
    urls[gateway]=http://127.0.0.1:$gateway_port
}

# load SCENARIO PATH OPTIONS… : one row for every server
load() {
    local scenario=$1 path=$2 server pid left
    shift 2
    for server in $servers; do
        if [ -z "${urls[$server]:-}" ]; then continue; fi
        left=$((limit - SECONDS))
        if [ "$left" -lt 2 ]; then say "out of time: '$scenario' of $server is left out"; continue; fi
        local watched=()
        for pid in ${pids[$server]}; do watched+=(--pid "$pid"); done
        say "$scenario: $server"
        "$bin/ir-sim" load --url "${urls[$server]}$path" --key "$key" --label "$server" --scenario "$scenario" --json --discard \
            --seconds $((left < one_run ? left : one_run)) "${watched[@]}" "$@" >"$dir/report.json"
        cat "$dir/report.json" >>"$dir/reports.jsonl"
        # Errors of a proxy are a result; errors of the platform are a mistake in the measurement.
        if [ "$server" = direct ] && ! grep -q '"errors":0,' "$dir/report.json"; then
            cat "$dir/report.json" >&2
            fail "the platform itself fails"
        fi
    done
}

ask() { printf '{"prompt":"load {seq} [sim bytes=%s]","model":"bench","n":1,"size":"1024x1024","response_format":"b64_json"}' "$1"; }

main() {
    command -v pgrep >/dev/null || fail "pgrep is needed (procps)"
    for port in "$sim_port" "$nginx_port" "$gateway_port"; do
        if listening "$port"; then fail "port $port is taken: set BENCH_PORT"; fi
    done
    build
    dir=$(mktemp -d "${TMPDIR:-/tmp}/img-router-bench.XXXXXX")
    if [ "$(df -Pk "$dir" | awk 'NR == 2 { print $4 }')" -lt 8000000 ]; then fail "8 GB are needed in ${TMPDIR:-/tmp}"; fi
    SECONDS=0
    start_sim
    if wants nginx; then start_nginx; fi
    if wants gateway; then start_gateway; fi

    local draw=/v1/images/generations
    load 'small answer, 1 caller' $draw --callers 1 --requests 600 --warm-up 50 --body "$(ask 16KB)"
    load 'small answer, 64 callers' $draw --callers 64 --requests 4000 --warm-up 200 --body "$(ask 16KB)"
    load '1.5 MB picture, 16 callers' $draw --callers 16 --requests 640 --warm-up 32 --body "$(ask 1.5MB)"
    load '4 MB picture, 64 callers' $draw --callers 64 --requests 512 --warm-up 64 --body "$(ask 4MB)"
    load 'upload of 20 MB, 16 callers' /v1/images/edits --callers 16 --requests 96 --warm-up 16 --edit-file-bytes 20MB \
        --field 'prompt=make it night [sim bytes=16KB]' --field model=bench --field size=1024x1024 --field response_format=b64_json

    printf '%s cores, %s, Linux %s, %s s in all\n\n' "$(nproc)" \
        "$(awk -F': ' '/model name/ { print $2; exit }' /proc/cpuinfo)" "$(uname -r)" "$SECONDS"
    "$bin/ir-sim" table "$dir/reports.jsonl"
    if [ -n "${BENCH_REPORTS:-}" ]; then cp "$dir/reports.jsonl" "$BENCH_REPORTS"; fi
}

main
