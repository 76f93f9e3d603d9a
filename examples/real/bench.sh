#!/usr/bin/env bash
# Beside their peers, one after the other and again: http_hyper and hyper on tokio, resp_kv and Redis.
# Prints ratios of medians, ours to theirs: of requests a second, and of requests for a second of the
# server's time on a core, which does not depend on what else the machine does. Needs wrk, h2load, Redis.
#
#   ./bench.sh          five rounds of five seconds
#   ./bench.sh 3 2      three rounds of two seconds
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
rounds=${1:-5} seconds=${2:-5}
target=${CARGO_TARGET_DIR:-../../target/real}
export CARGO_TARGET_DIR=$target

for tool in wrk h2load redis-server redis-benchmark; do
    command -v "$tool" >/dev/null || { echo "$tool is not installed: apt install wrk nghttp2-client redis"; exit 2; }
done
cargo build --quiet --release --bin http_hyper --bin resp_kv
cargo build --quiet --release --manifest-path ../../tests/peers/twin/Cargo.toml

declare -A pids
trap 'kill "${pids[@]}" 2>/dev/null || true; rm -f /tmp/bench.$$' EXIT
start() { # PORT COMMAND
    local port=$1
    shift
    "$@" >/dev/null 2>&1 &
    pids[$port]=$!
}
start 8801 "$target/release/http_hyper" --port 8801
start 8802 "$target/release/peers-twin" 8802
start 8803 "$target/release/resp_kv" --port 8803
start 8804 redis-server --port 8804 --save "" --appendonly no
sleep 1

# Each prints the rate and the number of requests.
wrk_() {
    wrk -t1 -c64 "-d${seconds}s" "http://127.0.0.1:$1/" >/tmp/bench.$$
    if grep -E 'Socket errors|Non-2xx' /tmp/bench.$$ >&2; then return 1; fi
    awk '/requests in/ {n = $1} /^Requests.sec/ {print $2, n}' /tmp/bench.$$
}
h2load_() {
    h2load -n 50000 -c 16 -m 10 "http://127.0.0.1:$1/" >/tmp/bench.$$
    grep -q '50000 succeeded, 0 failed, 0 errored' /tmp/bench.$$ || { cat /tmp/bench.$$ >&2; return 1; }
    sed -n 's/^finished in .*, \([0-9.]*\) req.s.*/\1 50000/p' /tmp/bench.$$
}
redis_() { # PORT COMMAND PIPELINED
    redis-benchmark -p "$1" -t "$2" -n $((100000 * $3)) -c 50 -P "$3" --csv 2>/dev/null |
        awk -F '"' -v n=$((100000 * $3)) '$2 != "test" {print $4, n}'
}
# The time on a core that a server has used, in nanoseconds.
used() { awk '{print $1}' "/proc/${pids[$1]}/schedstat"; }

median() { sort -g | awk '{v[NR] = $1} END {print v[int((NR + 1) / 2)]}'; }

# compare WHAT OURS THEIRS HOW...: alternates, and divides the medians.
compare() {
    local what=$1 ours=$2 theirs=$3 round port before
    shift 3
    local -A rates=() costs=()
    for ((round = 0; round < rounds; round++)); do
        for port in "$ours" "$theirs"; do
            before=$(used "$port")
            read -r rate count < <("$1" "$port" "${@:2}")
            rates[$port]+="$rate "
            costs[$port]+="$(awk -v n="$count" -v t=$(($(used "$port") - before)) 'BEGIN {print n / t * 1e9}') "
        done
    done
    ratio() { awk -v a="$(tr ' ' '\n' <<<"${1% }" | median)" -v b="$(tr ' ' '\n' <<<"${2% }" | median)" \
        'BEGIN {printf "%.2f", a / b}'; }
    printf '%-46s %8s %8s\n' "$what" "$(ratio "${rates[$ours]}" "${rates[$theirs]}")" \
        "$(ratio "${costs[$ours]}" "${costs[$theirs]}")"
}
printf '%-46s %8s %8s\n' '' 'a second' 'per CPU'
compare 'wrk -t1 -c64, tokio current_thread = 1' 8801 8802 wrk_
compare 'h2load -c 16 -m 10, tokio current_thread = 1' 8801 8802 h2load_
for pipelined in 1 16; do
    for command in set get; do
        compare "redis-benchmark -t $command -c 50 -P $pipelined, Redis = 1" 8803 8804 redis_ $command $pipelined
    done
done
# Last, since it takes a core for itself.
start 8805 "$target/release/resp_kv" --port 8805 --never-sleep
sleep 1
for pipelined in 1 16; do
    compare "  set, -P $pipelined, with --never-sleep" 8805 8804 redis_ set $pipelined
done
