#!/usr/bin/env bash
# The Rust crate's tests on another processor, emulated: aarch64 (NEON), s390x (big endian) or i686 (32 bits,
# which most kernels of x86-64 run themselves).
#
#   tests/platforms/cross.sh aarch64|s390x|i686 [test names]
. "$(dirname "$0")/chroot.sh"
case ${1-} in
aarch64) debian=arm64 gcc=aarch64-linux-gnu target=aarch64-unknown-linux-gnu qemu=qemu-aarch64 ;;
s390x) debian=s390x gcc=s390x-linux-gnu target=s390x-unknown-linux-gnu qemu=qemu-s390x ;;
i686) debian=i386 gcc=i686-linux-gnu target=i686-unknown-linux-gnu qemu=qemu-i386 ;;
*) echo "no such processor: ${1-}" >&2 && exit 2 ;;
esac
shift
[ ! -e "$SID/.complete" ] || inside dpkg --add-architecture "$debian"
prepare rustc cargo qemu-user "gcc-$gcc" "libc6-dev-$debian-cross"
inside dpkg --add-architecture "$debian"
inside apt-get -qq update
inside apt-get -qq install --no-install-recommends "libstd-rust-dev:$debian" >/dev/null
rm -rf "$SID/work/crate"
mkdir -p "$SID/work/crate"
(cd "$ROOT" && git ls-files -z | xargs -0 cp --parents -t "$SID/work/crate")
# cargo in there needs no network.
(cd "$ROOT" && cargo vendor --quiet --locked --versioned-dirs "$SID/work/vendor" >/dev/null)
runner="$qemu -L /usr/$gcc"
# The same processor needs no emulation. Its C library came with Rust's.
if [ "$debian" = i386 ] && inside /lib/ld-linux.so.2 --version >/dev/null 2>&1; then
    runner=env
fi
mkdir -p "$SID/work/crate/.cargo"
cat >"$SID/work/crate/.cargo/config.toml" <<END
[source.crates-io]
replace-with = "vendored"
[source.vendored]
directory = "/work/vendor"
[target.$target]
linker = "$gcc-gcc"
runner = "$runner"
END
inside env PROPTEST_CASES="${PROPTEST_CASES:-16}" CARGO_TARGET_DIR=/work/target CARGO_PROFILE_TEST_OPT_LEVEL=2 \
    sh -c "cd /work/crate && cargo test --offline --lib --target $target $*"
