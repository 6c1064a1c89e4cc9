#!/usr/bin/env bash
# Runs the commands of README.md and docs/service.md as they are written there, each document's in a folder
# of its own. Words that stand for something of the reader's (HOST, IMAGE..., DIR, model.gazelle, model.onnx)
# are given a meaning; PROGRAM (target/release/gazelle) stands for what `cargo install` installs and `cargo run`
# builds, libgazelle_ffi.a beside it for what `cargo build -p gazelle-ffi` does, and `cargo test` is left to whoever runs this. Fails if a command does. Needs port 7464.
set -euo pipefail
cd "$(dirname "$0")/.."

repository=$PWD
program=$(realpath "${1:-target/release/gazelle}")
build=$(dirname "$program")
# Where cargo has built it for tests alone, it stands among what they depend on.
library=$({ ls -t "$build"/libgazelle_ffi.a "$build"/deps/libgazelle_ffi-*.a 2>/dev/null || true; } | head -n 1)
folder=$(mktemp -d)
servers=()
end_servers() {
    for server in "${servers[@]}"; do
        kill "$server"
        wait "$server"
    done
    servers=()
}
trap 'end_servers || true; rm -rf "$folder"' EXIT

mkdir "$folder/bin"
ln -s "$program" "$folder/bin/gazelle"
cat > "$folder/bin/cargo" << 'END'
#!/usr/bin/env bash
case "$*" in
    "install --locked --path protocol/cli") exec test -f protocol/cli/Cargo.toml ;;
    "test --release --workspace") ;;
    "build --release -p gazelle-ffi") exec test -f target/release/libgazelle_ffi.a ;;
    "run --release -- "*) shift 3 && exec gazelle "$@" ;;
    *) echo "cargo $* is not known to tests/documented.sh" >&2 && exit 1 ;;
esac
END
# tests/python.sh does it.
cat > "$folder/bin/pip" << 'END'
#!/usr/bin/env bash
[ "$*" = "install ./protocol/python" ] && exec test -f protocol/python/pyproject.toml
END
chmod +x "$folder/bin/"{cargo,pip}
export PATH=$folder/bin:$PATH

# Runs a command; a server goes on until its block ends.
run() {
    printf '$ %s\n' "$1"
    if [[ $1 != "gazelle serve"* ]]; then
        eval "$1"
        return
    fi
    eval "exec ${1%&}" > server.log &
    servers+=($!)
    until grep -q '^listening on ' server.log; do
        kill -0 "${servers[-1]}"
        sleep 0.02
    done
}

commands=0
for document in README.md docs/service.md; do
    work=$folder/${document//\//-}
    mkdir -p "$work/target/release"
    cd "$work"
    ln -s "$repository"/{models,protocol} .
    ln -s "$program" target/release/gazelle
    ln -s "$library" target/release/libgazelle_ffi.a
    cp models/fashion-mnist-d.gazelle model.gazelle
    cp models/fashion-mnist-d.onnx model.onnx
    while IFS= read -r line <&3; do
        if [ "$line" = '```' ]; then
            end_servers
            continue
        fi
        line=${line//HOST/localhost}
        line=${line//IMAGE.../models\/samples\/*.png}
        run "${line//DIR/models\/samples}"
        commands=$((commands + 1))
    done 3< <(awk '/^```/ { if (inside) print; inside = $0 == "```sh"; next } inside' "$repository/$document")
done
printf '%s commands ran\n' "$commands"
