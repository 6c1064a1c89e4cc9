#!/usr/bin/env bash
# Checks what the machine at hand does not show by itself: library crates without the standard
# library, for wasm32, whose tests Node runs, and for 64-bit Arm, whose tests an emulator runs. With --full
# the slow ones as well: all of garbling on Arm, and the tests on two older x86 CPUs.
#
# Takes Debian's Rust beside the one in use, for it comes with the standard library's sources, and Node;
# installs what else is missing (as root or with sudo).
set -euo pipefail
cd "$(dirname "$0")/.."

full=false
case ${1:-} in
--full) full=true ;;
?*) echo "usage: tests/portable.sh [--full]" >&2 && exit 2 ;;
esac

step() { printf '\n== %s (%ss)\n' "$1" "$SECONDS"; }

packages=(rustc-web cargo-web rust-web-src wasi-libc)
packages+=(gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user-static)
step "tools"
if ! dpkg-query --show "${packages[@]}" >/dev/null 2>&1; then
    if ! command -v apt-get >/dev/null; then
        echo "this needs Debian's packages ${packages[*]}" >&2
        exit 1
    fi
    root=$([ "$(id -u)" = 0 ] || echo sudo)
    $root apt-get update
    $root env DEBIAN_FRONTEND=noninteractive \
        apt-get install --yes --no-install-recommends "${packages[@]}"
fi

# Builds of this script alone: without link-time optimisation, in a folder of their own.
export CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16
export CARGO_TARGET_DIR=target/portable

# Debian's cargo for a target and the parts of the standard library to build for it.
debian_cargo() {
    local command=$1 target=$2 std=$3
    shift 3
    RUSTC=/usr/bin/rustc RUSTDOC=/usr/bin/rustdoc RUSTC_BOOTSTRAP=1 \
        RUSTFLAGS="-D warnings ${linking:-}" \
        /usr/bin/cargo "$command" --release -Z build-std="$std" --target "$target" "$@"
}

step "no_std"
debian_cargo check wasm32-unknown-unknown core,alloc --no-default-features \
    -p gazelle-kernels -p gazelle-ntt

step "wasm32"
debian_cargo check wasm32-unknown-unknown std,panic_abort \
    -p gazelle-kernels -p gazelle-ntt -p gazelle-garble
debian_cargo check wasm32-unknown-unknown std,panic_abort --no-default-features \
    -p gazelle-model -p gazelle-protocol

# The kernels' tests, with vectors of 128 bits and without: one standard library serves both. The linker is
# that of the Rust in use, the C library Debian's.
step "wasm32 in Node"
tools=$(rustc --print sysroot)/lib/rustlib/$(rustc --print host-tuple)/bin
export CARGO_TARGET_WASM32_WASIP1_LINKER=$tools/rust-lld
export CARGO_TARGET_WASM32_WASIP1_RUNNER="node --no-warnings $PWD/tests/wasi.mjs"
node_test() {
    local libc=/usr/lib/wasm32-wasi
    local linking="-L$libc -Clink-self-contained=no -Clink-arg=$libc/crt1-command.o -Clink-arg=--allow-undefined"
    debian_cargo test wasm32-wasip1 std,panic_abort,test "$@" -p gazelle-kernels -p gazelle-ntt \
        --lib --test backends --test products
}
simd=(-Z profile-rustflags)
for package in gazelle-kernels gazelle-ntt; do
    simd+=("--config=profile.release.package.$package.rustflags=['-Ctarget-feature=+simd128']")
done
GAZELLE_REQUIRE_BACKENDS=simd128 node_test "${simd[@]}"
node_test

step "64-bit Arm"
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER="qemu-aarch64-static -L /usr/aarch64-linux-gnu"
arm_test() { debian_cargo test aarch64-unknown-linux-gnu std,panic_unwind,test "$@"; }
arm_test -p gazelle-kernels -p gazelle-ntt --tests
arm_test -p gazelle-garble --test bristol
$full && arm_test -p gazelle-garble --lib

if $full; then
    # The wider backends of this machine are not there; valgrind's tests are no matter of the CPU.
    for cpu in Nehalem Haswell; do
        step "x86 as of $cpu"
        CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUNNER="qemu-x86_64-static -cpu $cpu" \
            cargo test --release -p gazelle-kernels -p gazelle-ntt -p gazelle-garble --tests -- \
            --skip kernels_are_constant_time --skip a_branch_on_a_secret_is_seen
    done
fi

step "passed"
