"""Kinds of input by functions: which give an exact answer, which their own kind, which refuse.

`TABLE` is the one home of this; `test_matrix.py` holds every cell to it, and the table in
docs/numerics.md is made of it (``python matrix.py`` prints it).

=  the exact answer, as a NumPy or Python number or an array
o  the exact answer, as the kind's owner gives it: with labels, unit, mask; lazy if the input is
-  a TypeError or ValueError that names the function and the way out
"""

FUNCTIONS = (
    "sum nansum mean nanmean cumsum average vecdot group_sum group_mean ExactSum.add capi.sum "
    "capi.vecdot capi.Accumulator.add records.summarize"
).split()

TABLE = """
array of float64                          = = = = = = = = = = = = = =
array of float32                          = = = = = = = = = = = - - =
array of float16                          = = = = = = = = = = - - - =
array of int64                            = = = = = = = = = = - - - -
array of uint64                           = = = = = = = = = = - - - -
array of bool                             = = = = = = = = = = - - - =
array of complex128                       = = = = = = = = = = - - - -
array of complex64                        = = = = = = = = = = - - - -
array of timedelta64                      = = = = = = - = = - - - - -
array of datetime64                       - - = = - = - - = - - - - -
array of longdouble                       - - - - - - - - - - - - - =
array of strings                          - - - - - - - - - - - - - -
structured array                          - - - - - - - - - - - - - -
array with NaN                            = = = = = = = = = = = = = =
array with another byte order             = = = = = = = = = = - - - =
object array of ints                      = = = = = = = = = = - - - -
object array of floats                    = = = = = = = = = = - - - -
object array of Fractions                 = = = = = = = = = = - - - -
object array of Decimals                  = = = = = = = = = - - - - -
object array of mpz                       = = = = = = = = = = - - - -
object array with mpfr                    - - - - - - - - - - - - - -
object array with None                    - - - - - - - - - - - - - -
list of floats                            = = = = = = = = = = = = = =
list of ints                              = = = = = = = = = = - - - -
list of ints beyond 64 bits               = = = = = = = = = = - - - -
list of ints and floats                   = = = = = = = = = = - - - -
list of lists                             = = = = = = = = = = - - - -
range                                     = = = = = = = = = = - - - =
set                                       - - - - - - - - - - - - - -
dict                                      - - - - - - - - - - - - - -
dict view                                 - - - - - - - - - - - - - -
generator                                 - - - - - - - - - = - - - -
None                                      - - - - - - - - - - - - - -
masked array                              = = = = o = = o o = - - - -
masked array of ints                      = = = = o = = o o = - - - -
structured masked array                   - - - - - - - - - - - - - -
matrix                                    = = = = o = = = = = - - - =
memmap                                    = = = = = = = = = = = = = =
astropy Quantity                          o o o o o o - - - - - - - -
astropy Magnitude                         - - - - - - - - - - - - - -
pint Quantity                             o o o o o o - - - - - - - -
pint Quantity with an offset              - - o o - o - - - - - - - -
pandas Series                             = = = = o = - = = = = = = =
pandas Series with NaN                    = = = = o = - = = = - - - =
pandas Series of ints                     = = = = o = - = = = - - - -
pandas Series of Int64 with NA            = = = = o = - = = = - - - -
pandas Series of Float64 with NA          = = = = o = - = = = - - - -
pandas Series of boolean                  = = = = o = - = = = - - - =
pandas Series of Arrow's int64            = = = = o = - = = = - - - -
pandas Series of objects                  = = = = o = - = = = - - - -
pandas Series of Sparse                   = = = = o = - = = = = = = =
pandas Series of timedelta64              o o o o o o - = = - - - - -
pandas Series of categories               - - - - - - - - - - - - - -
pandas Series of strings                  - - - - - - - - - - - - - -
pandas Index                              = = = = o = - = = = - - - -
pandas extension array                    = = = = o = - = = = - - - -
pandas DataFrame                          = = = = o = - o o = - - - -
pandas GroupBy                            - - - - - - - - - - - - - -
pandas Rolling                            - - - - - - - - - - - - - -
pandas Resampler                          - - - - - - - - - - - - - -
xarray DataArray                          o o o o o o - o o = = = = =
xarray DataArray with NaN                 o o o o o o - o o = - - - =
xarray Variable                           o o o o o o - o o = = = = =
xarray Dataset                            o o o o - - - - - - - - - -
xarray GroupBy                            - - - - - - - - - - - - - -
xarray Weighted                           - - - - - - - - - - - - - -
xarray Rolling                            - - - - - - - - - - - - - -
dask array                                o o o o o o o o o - - - - -
dask Series                               - - - - - - - - - - - - - -
dask DataFrame                            - - - - - - - - - - - - - -
pyarrow Array                             = = = = = = = = = = = = = =
pyarrow Array of ints                     = = = = = = = = = = - - - -
pyarrow Array with null                   - = - = - - - - - - - - - -
pyarrow ChunkedArray                      = = = = = = = = = = = = = =
pyarrow Array of decimals                 = = = = = = = = = - - - - -
pyarrow Array of durations                = = = = = = - = = - - - - -
pyarrow Table                             = = = = - - - - - = - - - -
pyarrow RecordBatch                       = = = = - - - - - = - - - -
pyarrow Scalar                            - - - - - - - - - - - - - -
polars Series                             = = = = = = = = = = = = = =
polars Series of ints                     = = = = = = = = = = - - - -
polars Series with null                   - = - = - - - - - - - - - -
polars Series of Decimal                  = = = = = = = = = - - - - -
polars Series of Duration                 = = = = = = - = = - - - - -
polars DataFrame                          = = = = - - - - - = - - - -
polars LazyFrame                          - - - - - - - - - - - - - -
scipy sparse array                        - - - - - - - - - - - - - -
"""

WORDS = {"=": "exact", "o": "own kind", "-": "refused"}


def cells():
    """For each kind, its codes by function."""
    table = {}
    for line in TABLE.strip().splitlines():
        codes = line.split()[-len(FUNCTIONS) :]
        kind = line[: -2 * len(FUNCTIONS) + 1].strip()
        assert all(code in WORDS for code in codes), line
        table[kind] = dict(zip(FUNCTIONS, codes, strict=True))
    return table


def markdown():
    """The table as docs/numerics.md has it."""
    lines = ["| kind | exact | own kind | refused |", "|---|---|---|---|"]
    for kind, codes in cells().items():
        row = [kind]
        for code in WORDS:
            names = [f"`{name}`" for name, given in codes.items() if given == code]
            row.append("all" if len(names) == len(FUNCTIONS) else ", ".join(names) or "")
        lines.append("| " + " | ".join(row) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    print(markdown())
