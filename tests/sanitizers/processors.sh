#!/usr/bin/env bash
# The Rust crate's unit tests, compiled for each level of x86-64 and under AddressSanitizer. All of
# them have debug assertions and checks of overflow: Cargo.toml's test profile.
#
#   tests/sanitizers/processors.sh [baseline|v2|v3|native|asan]...
set -euo pipefail
cd "$(dirname "$0")/../.."
[ "$(uname -m)" = x86_64 ] || { echo "SKIPPED (processors): needs x86-64" >&2 && exit 0; }
targets=${CARGO_TARGET_DIR:-$PWD/target}/soundness
export PROPTEST_CASES=${PROPTEST_CASES:-16} CARGO_INCREMENTAL=0 CARGO_PROFILE_TEST_DEBUG=0
[ $# -gt 0 ] || set -- baseline v2 v3 native asan
for name; do
    toolchain=() target=()
    case $name in
    baseline) RUSTFLAGS= ;;
    v2 | v3) RUSTFLAGS="-C target-cpu=x86-64-$name" ;;
    native) RUSTFLAGS="-C target-cpu=native" ;;
    asan)
        if ! cargo +nightly --version >/dev/null 2>&1; then
            echo "SKIPPED (asan): needs a nightly Rust, for its sanitizers" >&2
            continue
        fi
        RUSTFLAGS="-Zsanitizer=address" toolchain=(+nightly)
        target=(--target "$(rustc -vV | sed -n 's/^host: //p')")
        ;;
    *) echo "no such run: $name" >&2 && exit 2 ;;
    esac
    echo "== $name: RUSTFLAGS=$RUSTFLAGS"
    # One directory after the other: they are gigabytes.
    RUSTFLAGS=$RUSTFLAGS CARGO_TARGET_DIR=$targets/$name \
        cargo "${toolchain[@]}" test --quiet --locked --no-fail-fast --lib -p mypackage -p mypackage-csv "${target[@]}"
    rm -rf "${targets:?}/$name"
done
