#!/usr/bin/env bash
# The C library under a sanitizer, called by driver.c.
#
#   tests/sanitizers/run.sh asan|valgrind [rounds]
set -euo pipefail
cd "$(dirname "$0")/../.."
tool=$1
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$PWD/target}/$tool
here=tests/sanitizers
flags=(-std=c11 -g -Wall -Wextra -Werror -I mypackage/include "$here/driver.c" -lm)
case $tool in
asan)
    if ! cargo +nightly --version >/dev/null 2>&1; then
        echo "SKIPPED (asan): needs a nightly Rust, for its sanitizers" >&2
        exit 0
    fi
    target=$(rustc -vV | sed -n 's/^host: //p')
    RUSTFLAGS="-Zsanitizer=address" \
        cargo +nightly build --quiet --profile quick --locked --target "$target" -p mypackage-capi
    # The sanitizer's library comes with the program; Rust's and gcc's are the same one.
    gcc "${flags[@]}" -fsanitize=address -L "$CARGO_TARGET_DIR/$target/quick" -lmypackage_capi -lm \
        -o "$CARGO_TARGET_DIR/driver"
    LD_LIBRARY_PATH="$CARGO_TARGET_DIR/$target/quick" "$CARGO_TARGET_DIR/driver" "${2:-3000}"
    ;;
valgrind)
    if ! command -v valgrind >/dev/null; then
        echo "SKIPPED (valgrind): not installed" >&2
        exit 0
    fi
    cargo build --quiet --profile quick --locked -p mypackage-capi
    gcc "${flags[@]}" -L "$CARGO_TARGET_DIR/quick" -lmypackage_capi -lm -o "$CARGO_TARGET_DIR/driver"
    # It knows AVX2, and not AVX-512; threads only make it slower.
    LD_LIBRARY_PATH="$CARGO_TARGET_DIR/quick" MYPACKAGE_ISA=avx2 MYPACKAGE_NUM_THREADS=1 \
        valgrind --quiet --error-exitcode=9 --leak-check=full --errors-for-leak-kinds=definite \
        "$CARGO_TARGET_DIR/driver" "${2:-30}"
    ;;
*)
    echo "no such tool: $tool" >&2
    exit 2
    ;;
esac
