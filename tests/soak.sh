#!/usr/bin/env bash
# A service under mixed load for SECONDS (3600): twenty clients with certificates that are killed now and
# then, three servers over one PostgreSQL database behind HAProxy that are killed now and then, torn
# connections and hostile bytes. Fails if anything panics or hangs, a bundle is used twice, memory grows
# or a failure is not explained; prints figures. GAZELLE_SOAK_TIMEOUT gives parties more than 20 s on a machine
# that has much else to do. Needs PostgreSQL and HAProxy (Debian: postgresql, haproxy).
set -euo pipefail
cd "$(dirname "$0")/.."

export GAZELLE_SOAK_SECONDS=${1:-3600}
tests/postgres.sh cargo test --release --workspace --features gazelle/postgres --test soak
