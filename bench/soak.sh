#!/usr/bin/env bash
# Soaks two gateways of the release binary for HOURS. See bench/README.md, "Soak".
set -euo pipefail

hours=${1:?"usage: bench/soak.sh HOURS (0.05 is three minutes)"}
root=$(cd "$(dirname "$0")/.." && pwd)
bin=${BENCH_BIN:-$root/target/release}

if [ -z "${BENCH_BIN:-}" ]; then
    (cd "$root" && cargo build --release --locked -p ir-sim -p img-router) >&2
fi
folder=${SOAK_FOLDER:-}
if [ -z "$folder" ]; then folder=$(mktemp -d "${TMPDIR:-/tmp}/img-router-soak.XXXXXX"); fi
mkdir -p "$folder"

# Whatever ends this script ends what it started: the soak ends its gateways itself.
nice -n 10 "$bin/ir-sim" soak --binary "$bin/img-router" --folder "$folder" --hours "$hours" \
    --rate "${SOAK_RATE:-12}" --kill-every "${SOAK_KILL_EVERY:-180}" --seed "${SOAK_SEED:-$RANDOM}" &
soak=$!
trap 'kill -TERM "$soak" 2>/dev/null || true' INT TERM
code=0
wait "$soak" || code=$?
if [ "$code" = 0 ] && [ -z "${SOAK_FOLDER:-}" ]; then
    rm -rf -- "$folder"
else
    printf 'data, logs and samples.csv are in %s\n' "$folder"
fi
exit "$code"
