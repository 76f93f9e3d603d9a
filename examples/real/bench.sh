#!/usr/bin/env bash
# Beside their peers, one after the other and again: http_hyper and hyper on tokio, resp_kv and Redis.
# Prints ratios of medians (ours to theirs, of requests a second); needs wrk, h2load and redis-benchmark.
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

servers=()
trap 'kill "${servers[@]}" 2>/dev/null || true' EXIT
start() {
    "$@" >/dev/null 2>&1 &
    servers+=($!)
}
start "$target/release/http_hyper" --port 8801
start "$target/release/peers-twin" 8802
start "$target/release/resp_kv" --port 8803
start redis-server --port 8804 --save "" --appendonly no
sleep 1

wrk_rate() { wrk -t1 -c64 "-d${seconds}s" "http://127.0.0.1:$1/" | tee /tmp/bench.$$ | awk '/^Requests.sec/ {print $2}'
    if grep -E 'Socket errors|Non-2xx' /tmp/bench.$$ >&2; then exit 1; fi; }
h2load_rate() { h2load -n 50000 -c 16 -m 10 "http://127.0.0.1:$1/" >/tmp/bench.$$
    grep -q '50000 succeeded, 0 failed, 0 errored' /tmp/bench.$$ || { cat /tmp/bench.$$ >&2; exit 1; }
    sed -n 's/^finished in .*, \([0-9.]*\) req.s.*/\1/p' /tmp/bench.$$; }
redis_rate() { redis-benchmark -p "$1" -t "$3" -n 100000 -c 50 -P "$2" --csv 2>/dev/null |
    awk -F '"' '$2 != "test" {print $4}'; }
redis_set() { redis_rate "$1" 1 set; }
redis_get() { redis_rate "$1" 1 get; }
redis_set_16() { redis_rate "$1" 16 set; }
redis_get_16() { redis_rate "$1" 16 get; }

median() { sort -g | awk '{v[NR] = $1} END {print v[int((NR + 1) / 2)]}'; }

# compare WHAT OURS THEIRS HOW
compare() {
    local ours=() theirs=() round
    for ((round = 0; round < rounds; round++)); do
        ours+=("$("$4" "$2")")
        theirs+=("$("$4" "$3")")
    done
    awk -v what="$1" -v ours="$(printf '%s\n' "${ours[@]}" | median)" \
        -v theirs="$(printf '%s\n' "${theirs[@]}" | median)" \
        'BEGIN {printf "%-44s %.2f\n", what, ours / theirs}'
}
compare 'wrk -t1 -c64, tokio current_thread = 1' 8801 8802 wrk_rate
compare 'h2load -c 16 -m 10, tokio = 1' 8801 8802 h2load_rate
compare 'redis-benchmark -t set -c 50 -P 1, Redis = 1' 8803 8804 redis_set
compare 'redis-benchmark -t get -c 50 -P 1, Redis = 1' 8803 8804 redis_get
compare 'redis-benchmark -t set -c 50 -P 16, Redis = 1' 8803 8804 redis_set_16
compare 'redis-benchmark -t get -c 50 -P 16, Redis = 1' 8803 8804 redis_get_16
rm -f /tmp/bench.$$
