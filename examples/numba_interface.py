"""numba: exact sums and Fibonacci numbers inside a compiled loop."""

import numba
import numpy as np

import mypackage


@numba.njit
def weighted(rows):
    """The rows' exact sums, weighted by Fibonacci numbers."""
    totals = np.empty(rows.shape[0])
    for i in range(rows.shape[0]):
        totals[i] = mypackage.sum(rows[i]) * mypackage.fibonacci(i + 1)
    return mypackage.sum(totals)


rows = np.array([[1e16, 1.0, -1e16], [0.1, 0.2, 0.3], [1e-300, 1.0, 2.0]])
print(weighted(rows))
