#!/usr/bin/env bash
# Offers the gateway ten times what it can serve. See bench/README.md, "Overload".
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
bin=${BENCH_BIN:-$root/target/release}
sim_port=${BENCH_PORT:-19200}
port=$((sim_port + 1))
seconds=${OVERLOAD_SECONDS:-60}
draws=8 delay=${OVERLOAD_DELAY:-400}
key=bench-key-123456
wrong=0
. "$root/bench/lib.sh"

if [ -z "${BENCH_BIN:-}" ]; then (cd "$root" && cargo build --release --locked -p ir-sim -p img-router) >&2; fi
dir=$(mktemp -d "${TMPDIR:-/tmp}/img-router-overload.XXXXXX")
ulimit -n "$(ulimit -Hn)"

"$bin/ir-sim" serve --port "$sim_port" --no-hash --delay-ms "$delay" >"$dir/sim.log" 2>&1 &
started+=($!)
wait_for ir-sim "$sim_port" $! "$dir/sim.log"
export IMG_ROUTER_DATA_DIR=$dir/data IMG_ROUTER_HOST=127.0.0.1 PORT=$port IMG_ROUTER_GLOBAL_ACCESS_KEY=$key
export IMG_ROUTER_ALLOW_PRIVATE=127.0.0.1:$sim_port LOG_LEVEL=error
config "$dir/data" 64 "$draws"
"$bin/img-router" keys add NewApi --base-url "http://127.0.0.1:$sim_port" sk-bench-0123456789abcdef >"$dir/keys.log" 2>&1
"$bin/img-router" serve >"$dir/gateway.log" 2>&1 &
gateway=$!
started+=("$gateway")
wait_for img-router "$port" "$gateway" "$dir/gateway.log"

# load NAME OPTIONS…
load() {
    local name=$1
    shift
    "$bin/ir-sim" load --url "http://127.0.0.1:$port/v1/images/generations" --key "$key" --label "$name" --json --discard --pid "$gateway" \
        --body '{"prompt":"load {seq} [sim bytes=16KB delay='"$delay"']","model":"bench","response_format":"b64_json"}' "$@" >"$dir/$name.json"
}

memory() { awk '/^VmRSS/ { print $2 * 1024 }' "/proc/$gateway/status"; }

load capacity --callers $((draws * 2)) --requests 100000 --seconds 10
capacity=$(field "$dir/capacity.json" requests_per_second)
rate=$(awk "BEGIN { printf \"%.1f\", $capacity * 10 }")
load overload --callers 4000 --rate "$rate" --requests "$(awk "BEGIN { printf \"%d\", $rate * $seconds }")" --seconds "$seconds" &
overload=$!
# After a third the queue is full and everybody has a connection: from then on nothing may grow.
sleep $((seconds / 3))
full=$(memory)
wait "$overload"
late=$(memory)
sleep 2
load after --callers $((draws / 2)) --requests $((draws * 8)) --seconds 10

goodput=$(field "$dir/overload.json" requests_per_second)
refused=$(field "$dir/overload.json" refused_p99_ms)
usual=$(field "$dir/capacity.json" peak_rss) peak=$(field "$dir/overload.json" peak_rss)
errors=$(field "$dir/after.json" errors) unfinished=$(field "$dir/after.json" unfinished)
median=$(sed -E 's/.*"latency_ms":\{"p50":([0-9.]+).*/\1/' "$dir/after.json")

printf '| load | offered/s | good/s | refused p99 ms | peak RSS MB | CPU ms/request |\n| --- | --- | --- | --- | --- | --- |\n'
printf '| capacity | – | %s | – | %s | %s |\n' "$capacity" "$((usual / 1000000))" "$(field "$dir/capacity.json" cpu_ms_per_request)"
printf '| ten times | %s | %s | %s | %s | %s |\n' "$rate" "$goodput" "$refused" "$((peak / 1000000))" "$(field "$dir/overload.json" cpu_ms_per_request)"
printf '| after | – | %s | – | %s | %s |\n\n' "$(field "$dir/after.json" requests_per_second)" "$(($(field "$dir/after.json" peak_rss) / 1000000))" \
    "$(field "$dir/after.json" cpu_ms_per_request)"
printf 'overload, by status: %s\n' "$(sed -E 's/.*"statuses":(\{[^}]*\}).*/\1/' "$dir/overload.json")"
holds "goodput is at least 95 % of capacity" "$goodput >= 0.95 * $capacity"
holds "refusals are told within 50 ms (p99)" "$(if [ "$refused" = null ]; then echo 0; else echo "$refused < 50"; fi)"
printf 'memory: %s MB with a full queue and 4,000 connections, %s MB at the end\n' "$((full / 1000000))" "$((late / 1000000))"
holds "memory is flat once the queue is full: within 15 %" "$late <= 1.15 * $full"
holds "memory stays below 192 MiB with thousands of callers" "$peak < 201326592"
holds "two seconds later everything is served as usual" "$errors == 0 && $unfinished == 0 && $median < 2 * $delay + 200"
exit "$wrong"
