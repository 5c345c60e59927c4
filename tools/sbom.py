"""Puts the list of the crates inside a wheel into the wheel: CycloneDX SBOMs, as PEP 770 says.

``python tools/sbom.py dist/*.whl`` replaces each wheel by one with ``.dist-info/sboms/*.cdx.json``.
It needs ``cargo cyclonedx`` (``cargo install --locked cargo-cyclonedx``) and the ``wheel`` package.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
# Either extension is in the wheel, and each has crates that the other lacks.
PACKAGES = ("python", "capi")


def make_sboms(directory):
    """The SBOM of each extension, written by cargo."""
    for package in PACKAGES:
        manifest = ROOT / "bindings" / package / "Cargo.toml"
        command = ["cargo", "cyclonedx", "--format", "json", "--manifest-path", manifest]
        subprocess.run([*command, "--override-filename", f"sbom-{package}"], check=True)
        made = manifest.with_name(f"sbom-{package}.json")
        yield made.rename(directory / f"mypackage-{package}.cdx.json")
        # It writes one beside each manifest of the workspace.
        for other in ROOT.glob(f"**/sbom-{package}.json"):
            other.unlink()


def add(wheel, sboms):
    """Adds files to the wheel's ``.dist-info/sboms``; the name of the wheel stays."""
    with tempfile.TemporaryDirectory() as scratch:
        unpacked = Path(scratch, "unpacked")
        run("unpack", wheel, "--dest", unpacked)
        (top,) = unpacked.iterdir()
        (info,) = top.glob("*.dist-info")
        (info / "sboms").mkdir(exist_ok=True)
        for sbom in sboms:
            (info / "sboms" / sbom.name).write_bytes(sbom.read_bytes())
        packed = Path(scratch, "packed")
        packed.mkdir()
        run("pack", top, "--dest-dir", packed)
        (result,) = packed.iterdir()
        assert result.name == wheel.name, f"{wheel.name} became {result.name}"
        wheel.write_bytes(result.read_bytes())


def run(*command):
    subprocess.run([sys.executable, "-m", "wheel", *map(str, command)], check=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("wheels", nargs="+", type=Path)
    parser.add_argument("--sbom", action="append", type=Path, help="add this, have cargo make none")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        sboms = arguments.sbom or list(make_sboms(Path(scratch)))
        for wheel in arguments.wheels:
            add(wheel, sboms)


if __name__ == "__main__":
    main()
