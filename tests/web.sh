#!/usr/bin/env bash
# Opens the page of `gazelle serve --web` in headless Chromium, against real servers: the class, the bytes and
# the round trips are the command's, what goes wrong is told, and nothing is in the way of a keyboard or a
# screen reader. With --full the client and the command are compiled anew first, and screenshots are left in
# target/web/screenshots.
#
# Takes target/release/gazelle (or what GAZELLE names) and Node; installs Chromium and what the tests take
# from npm (as root or with sudo).
set -euo pipefail
cd "$(dirname "$0")/.."

full=false
case ${1:-} in
--full) full=true ;;
?*) echo "usage: tests/web.sh [--full]" >&2 && exit 2 ;;
esac

packages=(chromium)
$full && packages+=(rustc-web cargo-web rust-web-src)
if ! dpkg-query --show "${packages[@]}" >/dev/null 2>&1; then
    root=$([ "$(id -u)" = 0 ] || echo sudo)
    $root apt-get update
    $root env DEBIAN_FRONTEND=noninteractive \
        apt-get install --yes --no-install-recommends "${packages[@]}"
fi

target=${CARGO_TARGET_DIR:-target}
if $full; then
    protocol/web/build
    cargo build --release
fi
gazelle=${GAZELLE:-$target/release/gazelle}
[[ -x $gazelle ]] || { echo "build $gazelle first: cargo build --release" >&2 && exit 1; }
npm ci --silent --no-audit --no-fund --prefix tests/web

if $full; then
    mkdir -p "$target/web/screenshots"
    node tests/web/browser.mjs "$gazelle" "$target/web/screenshots"
else
    node tests/web/browser.mjs "$gazelle"
fi
