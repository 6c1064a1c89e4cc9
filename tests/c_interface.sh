#!/usr/bin/env bash
# Builds the C interface's examples and its test of misuse as a stranger would, with the installed header and
# the static library, runs them under AddressSanitizer against a server, and compares what they say with what
# the command says. Takes the folder of a release build: by default target/release, or where cargo puts it.
set -euo pipefail
cd "$(dirname "$0")/.."

build=${1:-}
if [ -z "$build" ]; then
    cargo build --release -p gazelle-ffi -p gazelle
    build=${CARGO_TARGET_DIR:-target}/release
fi
# Where cargo has built it for tests alone, it stands among what they depend on.
library=$({ ls -t "$build"/libgazelle_ffi.a "$build"/deps/libgazelle_ffi-*.a 2>/dev/null || true; } | head -n 1)
folder=$(mktemp -d)
servers=()
end() {
    for server in "${servers[@]}"; do kill "$server" 2>/dev/null || true; done
    rm -rf "$folder"
}
trap end EXIT

mkdir "$folder/include" "$folder/lib"
cp protocol/ffi/include/gazelle.h "$folder/include"
cp "$library" "$folder/lib/libgazelle_ffi.a"
# What Rust's standard library links with on Linux; docs/c.md says so.
system=(-lpthread -ldl -lm)
flags=(-O1 -g -Wall -Wextra -Werror -fsanitize=address,undefined -fno-omit-frame-pointer
    -I "$folder/include")
compile() {
    local compiler=$1 name=$2
    shift 2
    "$compiler" "${flags[@]}" "$@" -o "$folder/$name" -L "$folder/lib" -lgazelle_ffi "${system[@]}"
}
compile gcc kernels -std=c17 protocol/ffi/examples/kernels.c
compile gcc classify -std=c17 protocol/ffi/examples/classify.c
compile gcc misuse -std=gnu17 protocol/ffi/tests/misuse.c
compile g++ classify-over -std=c++17 protocol/ffi/examples/classify.cpp

# A server on a free port: its address to the variable that is named.
serve() {
    local -n address=$1
    local log=$folder/$1.log
    shift
    "$build/gazelle" serve --model models/fashion-mnist-d.gazelle --listen 127.0.0.1:0 "$@" \
        >"$log" 2>&1 &
    servers+=($!)
    until grep -q '^listening on ' "$log"; do
        kill -0 "${servers[-1]}"
        sleep 0.02
    done
    address=$(sed -n 's/^listening on \([0-9.]*:[0-9]*\).*/\1/p' "$log")
}
"$build/gazelle" keygen "$folder/keys" --server localhost --client alice >"$folder/keygen.log"
serve plain --plaintext
serve secured --tls "$folder/keys/server" --store "$folder/kept"

"$folder/kernels"
# Port 1 is nobody's here.
"$folder/misuse" "${plain%:*}" "${plain#*:}" 1

picture=models/samples/0000-ankle-boot.png
# What the command says of a picture, in the form of the examples.
command_says() {
    local label name
    label=$("$build/gazelle" classify "$@" --json "$picture" | sed 's/.*"label":\([0-9]*\).*/\1/')
    name=$("$build/gazelle" classify "$@" "$picture" | tee "$folder/text" | sed -n "1s/.*: //p")
    printf 'outcome %s\nclass %s\n' "$label" "$name"
    sed -n 's/,//g; s/^set-up /setup /p; s/^offline /&/p; s/^online /&/p' "$folder/text" |
        awk '{ print $1, $3, $4, $5 }'
}
compare() {
    diff "$folder/expected" "$folder/found"
    printf '%s: the same class, bytes and round trips as the command\n' "$1"
}
command_says --server "$plain" --plaintext >"$folder/expected"
"$folder/classify" "$plain" "$picture" >"$folder/found"
compare C
"$folder/classify-over" "${plain%:*}" "${plain#*:}" "$picture" >"$folder/found"
compare C++
secured=localhost:${secured#*:}
command_says --server "$secured" --tls "$folder/keys/alice" >"$folder/expected"
"$folder/classify" "$secured" "$picture" "$folder/keys/alice" >"$folder/found"
compare 'C over TLS'
road=(--server "$secured" --tls "$folder/keys/alice")
"$folder/classify" as "$picture" "${road[@]}" --websocket >"$folder/found"
command_says "${road[@]}" --websocket >"$folder/expected"
compare "C with the command's arguments, over a WebSocket"
# An inference that the command has stored: nothing is prepared, and the folder is empty afterwards.
stored=("${road[@]}" --store "$folder/store")
"$build/gazelle" prepare "${stored[@]}" --count 1 >"$folder/prepared.log"
"$folder/classify" as "$picture" "${stored[@]}" >"$folder/found"
grep -qx 'offline 0 0 0' "$folder/found"
diff <(head -n 2 "$folder/expected") <(head -n 2 "$folder/found")
"$folder/classify" as "$picture" "${stored[@]}" >"$folder/found"
if grep -qx 'offline 0 0 0' "$folder/found"; then
    echo "a stored inference was used twice" >&2
    exit 1
fi
echo "C takes what the command has stored, once"
# The server's hint is fetched once and kept: the next session is the command's, which finds it too.
export XDG_CACHE_HOME=$folder/cache
serve hinted --plaintext --linear hint
road=(--server "$hinted" --plaintext)
"$folder/classify" as "$picture" "${road[@]}" >"$folder/first"
"$folder/classify" as "$picture" "${road[@]}" >"$folder/found"
command_says "${road[@]}" >"$folder/expected"
compare 'C with a hint that it has kept'
hint=$(stat --format %s "$folder"/cache/gazelle/hints/*)
received() { awk '$1 == "setup" { print $3 }' "$1"; }
fetched=$(($(received "$folder/first") - $(received "$folder/found")))
if [ "$fetched" -lt "$hint" ]; then
    echo "the second session received $fetched bytes less; the hint has $hint" >&2
    exit 1
fi
diff <(tail -n 2 "$folder/first") <(tail -n 2 "$folder/found")
echo "C fetches a hint of $hint bytes once"
# Arguments that there are not are the caller's fault.
if "$folder/classify" as "$picture" "${road[@]}" --nonsense >"$folder/found" 2>&1; then
    echo "an argument that there is not was taken" >&2
    exit 1
fi
grep -q nonsense "$folder/found"
# Somebody without credentials gets no class.
if "$folder/classify" "$secured" "$picture" >"$folder/found" 2>&1; then
    echo "a client without credentials was served" >&2
    exit 1
fi
