"""Python: functions, exceptions and a class that Rust provides."""

import numpy as np

import mypackage

mypackage.hello()
print(mypackage.add(3, 5), mypackage.fibonacci([10, -6, 92]))
try:
    mypackage.add(2**31 - 1, 1)
except OverflowError as error:
    print(error)

# Columns of a table that comes in parts, one of them by way of another process's bytes.
table = np.array([[1e16, 0.1], [1.0, 0.2], [-1e16, 0.3]])
print(mypackage.sum(table, axis=0))
here, there = mypackage.ExactSum(2), mypackage.ExactSum(2)
here += table[:1]
there += table[1:]
here.merge(mypackage.ExactSum.from_bytes(there.to_bytes()))
print(here.value(), here.count)
