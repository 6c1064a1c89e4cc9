#!/usr/bin/env bash
# Has parties with stores on disk die COUNT (10000) times, as by SIGKILL, before or after any message and
# any change of a store, and then real processes a hundredth as often, at any time. Fails if a bundle is
# used twice or a store is lost.
set -euo pipefail
cd "$(dirname "$0")/.."

count=${1:-10000}
GAZELLE_DEATHS=$count cargo test --release -p gazelle-service --test deaths -- --nocapture
GAZELLE_KILLS=$((count / 100)) cargo test --release -p gazelle --test command -- --nocapture parties_that_are_killed
