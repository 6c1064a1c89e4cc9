#!/usr/bin/env bash
# Faults by the COUNT (10000), of which every commit is tested with a few. Fails if a bundle is used twice,
# a store is lost, a client has a half that the server does not have, or a changed session ends in a class:
# - parties with stores on disk die COUNT times, as by SIGKILL, before or after any message and any change
#   of a store;
# - real processes are killed at any time, COUNT/100 times, and as often between two messages;
# - one bit is flipped in each of COUNT/5 sessions without TLS, half of them on either way.
set -euo pipefail
cd "$(dirname "$0")/.."

count=${1:-10000}
GAZELLE_DEATHS=$count cargo test --release -p gazelle-service --test deaths -- --nocapture
GAZELLE_KILLS=$((count / 100)) cargo test --release -p gazelle --test command parties_that_are_killed
GAZELLE_FLIPS=$((count / 5)) cargo test --release -p gazelle-tests --test on_the_path a_flipped_bit_anywhere
