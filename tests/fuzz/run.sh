#!/usr/bin/env bash
# Fuzzes for so many seconds in all, under AddressSanitizer, and keeps what it found worth keeping.
#
#   tests/fuzz/run.sh SECONDS [target ...]
#
# The corpus grows in target/fuzz-corpus, from what earlier runs found (seeds/); an input that fails is
# written beside it. After a long run, "fuzz/TRIPLE/release/TARGET -merge=1 NEW CORPUS" keeps what adds
# coverage, and seeds.py writes that to seeds/.
set -euo pipefail
cd "$(dirname "$0")/../.."
seconds=$1
shift
targets=("$@")
[ "${#targets[@]}" -gt 0 ] || targets=(decode npy csv records differential)
if ! cargo +nightly --version >/dev/null 2>&1; then
    echo "SKIPPED (fuzz): needs a nightly Rust, for its sanitizers" >&2
    exit 0
fi
target=x86_64-unknown-linux-gnu
if [ "$(rustc -vV | sed -n 's/^host: //p')" != "$target" ]; then
    echo "SKIPPED (fuzz): needs $target" >&2
    exit 0
fi
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$PWD/target}/fuzz
RUSTFLAGS="-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=3 \
-Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
-Zsanitizer=address" \
    cargo +nightly build --quiet --release --locked --target "$target" --manifest-path tests/fuzz/Cargo.toml
failed=0
for name in "${targets[@]}"; do
    corpus=$CARGO_TARGET_DIR-corpus/$name
    mkdir -p "$corpus"
    python3 tests/fuzz/seeds.py unpack "$name" "$corpus"
    # The other targets have their turn though one fails.
    if ! MYPACKAGE_NUM_THREADS=1 ASAN_OPTIONS=detect_leaks=0 "$CARGO_TARGET_DIR/$target/release/$name" \
        -max_total_time=$((seconds / ${#targets[@]} + 1)) -max_len=1024 -rss_limit_mb=3000 -timeout=20 \
        -print_final_stats=1 -verbosity=0 -artifact_prefix="$corpus-" "$corpus" 2>&1 |
        sed -n "s/^stat::number_of_executed_units: */$name: runs /p;/ERROR\|SUMMARY\|Test unit/p;/panicked/,+3p"; then
        failed=1
    fi
done
exit $failed
