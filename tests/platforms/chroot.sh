# Sourced by the scripts beside it: a Debian sid in a folder, and what runs in it.
#
# sid is the one archive that has Python 3.14 and 3.15, Rust for other processors and a current qemu, all at once.

set -euo pipefail
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
# One for all scripts, kept for the next run.
SID=${MYPACKAGE_SID:-${TMPDIR:-/tmp}/mypackage-sid}

skip() {
    echo "SKIPPED ($(basename "$0")): $1" >&2
    exit 0
}

# Runs a command in the chroot, without what the caller's environment says of its own Python and Rust.
inside() {
    env -i HOME=/root TERM=dumb LANG=C.UTF-8 PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive \
        chroot "$SID" "$@"
}

# Makes the chroot, if it is not there, and installs packages.
prepare() {
    [ "$(uname -s)-$(uname -m)" = Linux-x86_64 ] || skip "needs Linux on x86-64"
    [ "$(id -u)" = 0 ] || skip "needs root, for chroot"
    command -v debootstrap >/dev/null || skip "needs debootstrap"
    # The scripts replace each other's files in there.
    exec {lock}>"$SID.lock"
    flock --nonblock "$lock" || { echo "waits for another script that uses $SID" >&2 && flock "$lock"; }
    if [ ! -e "$SID/.complete" ]; then
        rm -rf "$SID"
        debootstrap --variant=minbase --include=ca-certificates sid "$SID" http://deb.debian.org/debian
        touch "$SID/.complete"
    fi
    # An archive's copy may be older than its own date allows.
    echo 'Acquire::Check-Valid-Until "false";' >"$SID/etc/apt/apt.conf.d/99mypackage"
    # pip reaches the index as it does outside.
    for file in /etc/resolv.conf /etc/pip.conf /etc/ssl/certs/ca-certificates.crt; do
        if [ -e "$file" ]; then cp "$file" "$SID$file"; fi
    done
    mkdir -p "$SID/proc" "$SID/work"
    # The tests look at /proc/self, and so does Rust's standard library.
    mountpoint -q "$SID/proc" || mount -t proc proc "$SID/proc"
    trap 'umount "$SID/proc"' EXIT
    inside apt-get -qq update
    inside apt-get -qq install --no-install-recommends "$@" >/dev/null
}
