"""JSON records: a dataclass or a pydantic model to Rust, and the answer back."""

import dataclasses
import pathlib
import tempfile

import numpy as np

from mypackage.records import Person, greet, summarize

print(greet(Person(name="Jan", age=42)).message)

try:
    greet({"name": "Jan"})
except TypeError as error:
    print(error)

with tempfile.TemporaryDirectory() as directory:
    path = pathlib.Path(directory, "steps.npy")
    np.save(path, np.tile([1e16, 1.0, -1e16], 1000))
    for name, value in dataclasses.asdict(summarize(path)).items():
        print(f"{name:17} {value}")
