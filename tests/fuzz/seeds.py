"""The inputs that fuzzing starts from: seeds/TARGET.txt, a line of hex each.

    python tests/fuzz/seeds.py unpack TARGET FOLDER
    python tests/fuzz/seeds.py pack TARGET FOLDER

FOLDER holds a file for each input, as libFuzzer's -merge=1 writes them.
"""

import hashlib
import sys
from pathlib import Path

SEEDS = Path(__file__).with_name("seeds")
# Of one input, and of all of a target: they are in the repository.
LONGEST = 256
MOST = 32_000


def unpack(target: str, folder: Path) -> None:
    """Write each seed to a file that is named by its contents."""
    for line in (SEEDS / f"{target}.txt").read_text().split():
        data = bytes.fromhex(line)
        (folder / hashlib.sha1(data, usedforsecurity=False).hexdigest()).write_bytes(data)


def pack(target: str, folder: Path) -> None:
    """Keep the shortest inputs of a corpus."""
    inputs = {path.read_bytes() for path in folder.iterdir()}
    lines, size = [], 0
    for data in sorted(inputs, key=lambda data: (len(data), data)):
        size += 2 * len(data) + 1
        if not data or len(data) > LONGEST or size > MOST:
            continue
        lines.append(data.hex() + "\n")
    SEEDS.mkdir(exist_ok=True)
    (SEEDS / f"{target}.txt").write_text("".join(lines))


if __name__ == "__main__":
    action, target, folder = sys.argv[1:]
    {"unpack": unpack, "pack": pack}[action](target, Path(folder))
