#!/usr/bin/env bash
# Lets platforms go dark under load. See bench/README.md, "Failover".
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
bin=${BENCH_BIN:-$root/target/release}
first_port=${BENCH_PORT:-19210}
rate=${FAILOVER_RATE:-30}
seconds=${FAILOVER_SECONDS:-15}
key=bench-key-123456
wrong=0
. "$root/bench/lib.sh"

if [ -z "${BENCH_BIN:-}" ]; then (cd "$root" && cargo build --release --locked -p ir-sim -p img-router) >&2; fi
command -v curl >/dev/null || fail "curl is needed"
dir=$(mktemp -d "${TMPDIR:-/tmp}/img-router-failover.XXXXXX")
export IMG_ROUTER_HOST=127.0.0.1 IMG_ROUTER_GLOBAL_ACCESS_KEY=$key LOG_LEVEL=error
sims=() results=() gateway= attempts=0 dark=0

# begin NAME PORT : three platforms and a gateway
begin() {
    local at port=$2
    sims=()
    export IMG_ROUTER_DATA_DIR=$dir/$1 PORT=$port IMG_ROUTER_ALLOW_PRIVATE=
    for at in 1 2 3; do IMG_ROUTER_ALLOW_PRIVATE+=127.0.0.1:$((port + at)),; done
    IMG_ROUTER_ALLOW_PRIVATE=${IMG_ROUTER_ALLOW_PRIVATE%,}
    config "$dir/$1" 64 256 3000
    for at in 1 2 3; do
        "$bin/ir-sim" serve --port $((port + at)) --no-hash --delay-ms 50 >"$dir/sim$at.log" 2>&1 &
        sims+=($!)
        started+=($!)
        wait_for ir-sim $((port + at)) $! "$dir/sim$at.log"
        "$bin/img-router" keys add NewApi --base-url "http://127.0.0.1:$((port + at))" "sk-bench-$at-0123456789abcdef" >"$dir/keys.log" 2>&1
    done
    "$bin/img-router" serve >"$dir/gateway.log" 2>&1 &
    gateway=$!
    started+=("$gateway")
    wait_for img-router "$port" "$gateway" "$dir/gateway.log"
}

# load NAME SECONDS
load() {
    "$bin/ir-sim" load --url "http://127.0.0.1:$PORT/v1/images/generations" --key "$key" --json --discard --callers 512 --rate "$rate" \
        --requests $((rate * $2)) --seconds $(($2 + 20)) \
        --body '{"prompt":"load {seq}","model":"bench","size":"64x64","response_format":"url"}' >"$dir/$1.json"
}

script() { curl -sf -X POST -H 'content-type: application/json' "http://127.0.0.1:$1/_sim/script" -d "$2" >/dev/null; }
forget() { curl -sf -X DELETE "http://127.0.0.1:$1/_sim/ledger" >/dev/null; }
asked() { curl -sf "http://127.0.0.1:$1/_sim/ledger" | grep -o '"draws":true' | wc -l; }
busy='{"rules":[{"then":"status=503"}]}'

printf '| first platform | requests | failed | success %% | p50 ms | p99 ms |\n| --- | --- | --- | --- | --- | --- |\n'
case=0
for how in 503 refuses hangs; do
    begin "$how" $((first_port + 4 * case))
    case=$((case + 1))
    load "usual-$how" 3
    case $how in
    503) script $((PORT + 1)) "$busy" ;;
    refuses) kill -KILL "${sims[0]}" ;;
    hangs) kill -STOP "${sims[0]}" ;;
    esac
    load "first-$how" 5
    load "$how" "$seconds"
    errors=$(field "$dir/$how.json" errors) unfinished=$(field "$dir/$how.json" unfinished) all=$((rate * seconds))
    bad=$((errors + unfinished))
    share=$(awk "BEGIN { printf \"%.3f\", 100 * ($all - $bad) / $all }")
    printf '| %s | %s | %s | %s | %s | %s |\n' "$how" "$all" "$bad" "$share" \
        "$(sed -E 's/.*"latency_ms":\{"p50":([0-9.]+).*/\1/' "$dir/$how.json")" "$(sed -E 's/.*"p99":([0-9.]+).*/\1/' "$dir/$how.json")"
    results+=("$how:$share")
    if [ "$how" = 503 ]; then
        for at in 1 2 3; do script $((PORT + at)) "$busy"; done
        load settle 5
        for at in 1 2 3; do forget $((PORT + at)); done
        load dark "$seconds"
        attempts=$(($(asked $((PORT + 1))) + $(asked $((PORT + 2))) + $(asked $((PORT + 3)))))
        dark=$((rate * seconds))
    fi
    if [ "$how" = hangs ]; then kill -CONT "${sims[0]}"; fi
    kill -TERM "$gateway" "${sims[@]}" 2>/dev/null || true
done
printf '\nall three dark: %s attempts for %s requests (%s)\n' "$attempts" "$dark" "$(sed -E 's/.*"statuses":(\{[^}]*\}).*/\1/' "$dir/dark.json")"
for result in "${results[@]}"; do holds "one platform dark (${result%%:*}): success of ${result#*:} % is at least 99.9 %" "${result#*:} >= 99.9"; done
holds "all dark: attempts are at most 1.1 times the requests" "$attempts <= 1.1 * $dark"
exit "$wrong"
