#!/usr/bin/env bash
# Tests what servers share in a PostgreSQL database, or runs another COMMAND, with a database that is
# made for it and removed again. Needs PostgreSQL's server programs (Debian: postgresql), which do not
# run as root: root runs them as nobody.
set -euo pipefail
cd "$(dirname "$0")/.."

programs=$(pg_config --bindir 2>/dev/null || ls -d /usr/lib/postgresql/*/bin | tail -1)
folder=$(mktemp -d)
as=()
if [ "$(id -u)" = 0 ]; then
    chown nobody "$folder"
    as=(runuser -u nobody --)
fi
stop() {
    (cd / && "${as[@]}" "$programs/pg_ctl" -D "$folder/data" -m immediate stop > "$folder/stop.log" 2>&1) || true
    rm -rf "$folder"
}
trap stop EXIT
(
    cd /
    "${as[@]}" "$programs/initdb" -D "$folder/data" -A trust -U gazelle > "$folder/init.log"
    "${as[@]}" "$programs/pg_ctl" -D "$folder/data" -w -l "$folder/log" \
        -o "-c listen_addresses= -k $folder" start > "$folder/start.log"
)
export GAZELLE_POSTGRES="postgres://gazelle@${folder//\//%2F}/postgres"
if [ $# -gt 0 ]; then
    "$@"
    exit
fi
# With the whole workspace's features, so that what other tests have built is used.
cargo test --release --workspace --features gazelle/postgres --lib postgres_
cargo test --release --workspace --features gazelle/postgres --test command replicas::
