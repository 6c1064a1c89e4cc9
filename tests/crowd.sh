#!/usr/bin/env bash
# CLIENTS (500) processes at once have an image classified each, over TLS with a certificate and a quota; says
# how many were served, how many a second, and how long they took. PROGRAM is gazelle, built with --release.
set -euo pipefail
cd "$(dirname "$0")/.."

clients=${1:-500}
program=$(realpath "${2:-target/release/gazelle}")
folder=$(mktemp -d)
trap 'kill "$server" || true; rm -rf "$folder"' EXIT

"$program" keygen "$folder/keys" --client alice > /dev/null
printf 'sessions = %s\ninferences-per-day = %s\n' "$clients" "$clients" >> "$folder/keys/server/clients.toml"
"$program" serve --network fashion-mnist --listen 127.0.0.1:0 --max-clients "$clients" \
    --tls "$folder/keys/server" > "$folder/log" &
server=$!
until address=$(sed -n 's/^listening on //p' "$folder/log") && [ -n "$address" ]; do sleep 0.02; done

images=(models/samples/*.png)
client() {
    local start=${EPOCHREALTIME/./}
    "$program" classify --tls "$folder/keys/alice" --server "$address" "${images[$1 % ${#images[@]}]}" \
        > /dev/null 2>> "$folder/errors" || return 0
    echo $((${EPOCHREALTIME/./} - start)) >> "$folder/times"
}
start=${EPOCHREALTIME/./}
for ((i = 0; i < clients; i++)); do client "$i" & pids+=($!); done
wait "${pids[@]}"
microseconds=$((${EPOCHREALTIME/./} - start))
peak=$(sed -n 's/^VmHWM:\s*//p' "/proc/$server/status")

sort -n "$folder/times" | awk -v clients="$clients" -v microseconds="$microseconds" -v peak="$peak" '
    { times[NR] = $1 / 1e6 }
    function at(part) { return times[int(1 + part * (NR - 1))] }
    END {
        printf "%d of %d served, %.1f a second; ", NR, clients, NR / microseconds * 1e6
        printf "seconds: %.2f, median %.2f, 90 %% %.2f, 99 %% %.2f, %.2f; ", at(0), at(.5), at(.9), at(.99), at(1)
        printf "memory of the server at most %s\n", peak
        exit NR != clients
    }' || { cat "$folder/errors"; exit 1; }
