# What the scripts of this folder share. Sourced, after `root` is set.

say() { printf '%s\n' "$*" >&2; }
fail() { say "bench: $*"; exit 1; }

started=()
dir=

# Ends what this script started, by process number, and removes what it wrote.
finish() {
    local pid
    for pid in "${started[@]}"; do kill -TERM "$pid" 2>/dev/null || true; done
    for pid in "${started[@]}"; do
        for _ in $(seq 50); do kill -0 "$pid" 2>/dev/null || break; sleep 0.1; done
        kill -KILL "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
    done
    if [ -n "$dir" ]; then rm -rf -- "$dir"; fi
}
trap finish EXIT
trap 'exit 130' INT TERM

listening() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# wait_for NAME PORT PID LOG
wait_for() {
    for _ in $(seq 100); do
        if listening "$2"; then return; fi
        kill -0 "$3" 2>/dev/null || break
        sleep 0.1
    done
    tail -n 20 "$4" >&2 || true
    fail "$1 does not listen on port $2"
}

# config FOLDER KEYCONCURRENCY DRAWS : a data folder whose gateway draws at an OpenAI-compatible platform; no key yet
config() {
    mkdir -m 700 -p "$1"
    cat >"$1/runtime-config.json" <<JSON
{"system": {"modes": {"relay": false, "backend": true}, "requestLogging": false, "apiTimeout": ${4:-60000}},
 "limits": {"keyConcurrency": $2, "concurrentDraws": $3, "connectionsPerIp": 8192, "maxConnections": 8192},
 "providers": {"NewApi": {"enabled": true, "text": {"model": "bench"}, "edit": {"model": "bench"}}}}
JSON
    chmod 600 "$1/runtime-config.json"
}

# field REPORT NAME : a number of a report of `ir-sim load --json`
field() { sed -E "s/.*\"$2\":([0-9.]+|null).*/\1/" "$1"; }

# holds TEXT CONDITION : prints whether a condition of awk holds, and remembers if one does not
holds() {
    if awk "BEGIN { exit !($2) }"; then printf '  held: %s\n' "$1"; else printf '  NOT HELD: %s\n' "$1"; wrong=1; fi
}
