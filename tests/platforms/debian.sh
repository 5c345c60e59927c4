#!/usr/bin/env bash
# The abi3 wheel and the whole Python test-suite on Debian's Python 3.14 and 3.15.
#
#   tests/platforms/debian.sh WHEEL [pytest arguments]
. "$(dirname "$0")/chroot.sh"
wheel=$(realpath "$1")
shift
prepare python3.14-venv python3.15-venv gcc libc6-dev
rm -rf "$SID/work/mypackage" "$SID/work/wheel"
mkdir -p "$SID/work/mypackage" "$SID/work/wheel"
cp "$wheel" "$SID/work/wheel"
# The tests read documentation and sources, too.
(cd "$ROOT" && git ls-files -z | xargs -0 cp --parents -t "$SID/work/mypackage")
failed=0
for version in 3.14 3.15; do
    venv=/work/venv-$version
    [ -e "$SID$venv/bin/pip" ] || inside "python$version" -m venv "$venv"
    inside "$venv/bin/pip" install -q --upgrade --force-reinstall --no-deps "/work/wheel/$(basename "$wheel")"
    inside "$venv/bin/pip" install -q "/work/wheel/$(basename "$wheel")[test]"
    echo "Python $version, Debian sid:"
    # (The cargo that cross.sh installs has no registry.)
    inside sh -c "cd /work/mypackage/tests && $venv/bin/python -m pytest -q -n 2 --dist loadgroup \
        --deselect tests/test_interfaces.py::test_rust_crate $*" || failed=1
done
exit $failed
