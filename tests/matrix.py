"""Input types by functions: which give an exact answer, which their own type, which refuse.

`TABLE` is the one home of this; `test_matrix.py` holds every cell to it, and the table in
docs/numerics.md is made of it (``python matrix.py`` prints it).

=  the exact answer, as a NumPy or Python number or an array
o  the exact answer, as the kind's owner gives it: with labels, unit, mask; lazy if the input is
-  a TypeError or ValueError that names the function and a way out, which the test takes
"""

# As the codes are grouped.
GROUPS = """
sum nansum mean nanmean average
cumsum nancumsum cumulative_sum
vecdot sum_of_squares
var std nanvar nanstd norm cov corrcoef
group_sum group_mean group_nansum group_nanmean group_var group_std group_count group_cumsum
move_sum move_mean move_var move_std
segment_sum segment_mean
ExactSum.add ExactMoments.add
summarize capi.sum capi.vecdot capi.Accumulator.add records.summarize
"""

FUNCTIONS = GROUPS.split()

TABLE = """
array of float64                          ===== === == ======= ======== ==== == == =====
array of float32                          ===== === == ======= ======== ==== == == ==--=
array of float16                          ===== === == ======= ======== ==== == == =---=
array of int64                            ===== === == ======= ======== ==== == == -----
array of uint64                           ===== === == ======= ======== ==== == == -----
array of bool                             ===== === == ======= ======== ==== == == =---=
array of complex128                       ===== === == ======= ======== ==== == == -----
array of complex64                        ===== === == ======= ======== ==== == == -----
array of timedelta64                      ===== === -- -=-=--- ====--== ==-- == -- -----
array of datetime64                       --=== --- -- -=-=--- -=------ ---- -- -- -----
array of longdouble                       ----- --- -- ------- -------- ---- -- -- ----=
array of strings                          ----- --- -- ------- -------- ---- -- -- -----
structured array                          ----- --- -- ------- -------- ---- -- -- -----
array with NaN                            ===== === == ======= ======== ==== == == =====
array with another byte order             ===== === == ======= ======== ==== == == =---=
object array of ints                      ===== === == ======= ======== ---- == == -----
object array of floats                    ===== === == ======= ======== ---- == == =----
object array of Fractions                 ===== === == ======= ======== ---- == == =----
object array of Decimals                  ===== === == =====-- ======== ---- == -- -----
object array of mpz                       ===== === == =====-- ======== ---- == == =----
object array with mpfr                    ----- --- -- ------- ------=- ---- -- -- -----
object array with None                    ----- --- -- ------- ------=- ---- -- -- -----
list of floats                            ===== === == ======= ======== ==== == == =====
list of ints                              ===== === == ======= ======== ==== == == -----
list of ints beyond 64 bits               ===== === == ======= ======== ---- == == -----
list of ints and floats                   ===== === == ======= ======== ---- == == -----
list of lists                             ===== === == ======= ======== ---- == == -----
range                                     ===== === == ======= ======== ==== == == =---=
set                                       ----- --- -- ------- -------- ---- -- -- -----
dict                                      ----- --- -- ------- -------- ---- -- -- -----
dict view                                 ----- --- -- ------- -------- ---- -- -- -----
generator                                 ----- --- -- ------- -------- ---- -- == -----
None                                      ----- --- -- ------- -------- ---- -- -- -----
masked array                              ===== ooo == =====-- oooooo=o oooo oo == -----
masked array of ints                      ===== ooo == =====-- oooooo=o oooo oo == -----
structured masked array                   ----- --- -- ------- -------- ---- -- -- -----
matrix                                    ===== ooo o= ======= ======== oooo == == =---=
memmap                                    ===== === == ======= ======== ==== == == =====
pandas Series                             ===== ooo == =====-- =======o ---- == == =====
pandas Series with NaN                    ===== ooo == =====-- =======o ---- == == =---=
pandas Series of ints                     ===== ooo == =====-- =======o ---- == == -----
pandas Series of Int64 with NA            ===== ooo == =====-- =======o ---- == == -----
pandas Series of Float64 with NA          ===== ooo == =====-- =======o ---- == == =----
pandas Series of boolean                  ===== ooo == =====-- =======o ---- == == =---=
pandas Series of Arrow's int64            ===== ooo == =====-- =======o ---- == == -----
pandas Series of objects                  ===== ooo == ------- =======o ---- == == -----
pandas Series of Sparse                   ===== ooo == =====-- =======o ---- == == =====
pandas Series of timedelta64              ooooo ooo -- -o-o--- ====--=o ---- == -- -----
pandas Series of datetime64               --ooo --- -- -o-o--- -=------ ---- -= -- -----
pandas Series of datetime64 of a zone     --ooo --- -- -o-o--- -------- ---- -- -- -----
pandas Series of categories               ----- --- -- ------- -------- ---- -- -- -----
pandas Series of strings                  ----- --- -- ------- -------- ---- -- -- -----
pandas Index                              ===== ooo == =====-- =======o ---- == == -----
pandas extension array                    ===== ooo == =====-- =======o ---- == == -----
pandas DataFrame                          ===== ooo -= =====-- oooooooo ---- oo =- -----
pandas GroupBy                            ----- --- -- ------- -------- ---- -- -- -----
pandas Rolling                            ----- --- -- ------- -------- ---- -- -- -----
pandas Resampler                          ----- --- -- ------- -------- ---- -- -- -----
xarray DataArray                          ooooo ooo oo ooooo-- oooooooo oooo oo == =====
xarray DataArray with NaN                 ooooo ooo oo ooooo-- oooooooo oooo oo == =---=
xarray DataArray of timedelta64           ooooo ooo -- -o-o--- oooo--oo oo-- oo -- -----
xarray DataArray of datetime64            --ooo --- -- -o-o--- -o------ ---- -o -- -----
xarray Variable                           ooooo ooo oo ooooo-- oooooooo oooo oo == =====
xarray Dataset                            oooo- --- -o ooooo-- -------- ---- -- -- -----
xarray GroupBy                            ----- --- -- ------- -------- ---- -- -- -----
xarray Weighted                           ----- --- -- ------- -------- ---- -- -- -----
xarray Rolling                            ----- --- -- ------- -------- ---- -- -- -----
astropy Quantity                          ooooo ooo -- ------- -------- oo-o -- -- -----
astropy Magnitude                         ----- --- -- ------- -------- ---- -- -- -----
pint Quantity                             ooooo ooo -- ------- -------- oo-o -- -- -----
pint Quantity with an offset              --ooo --- -- ------- -------- -o-- -- -- -----
dask array                                ooooo ooo oo ooooo-- oooooooo oooo oo -- -----
dask array of timedelta64                 ooooo ooo -- -o-o--- oooo--oo oo-- oo -- -----
dask array of objects                     ooooo ooo oo ooooo-- oooooooo ---- oo -- -----
dask Series                               ----- --- -- ------- -------- ---- -- -- -----
dask DataFrame                            ----- --- -- ------- -------- ---- -- -- -----
pyarrow Array                             ===== === == ======= ======== ==== == == =====
pyarrow Array of ints                     ===== === == ======= ======== ==== == == -----
pyarrow Array with null                   -=-=- -=- -- --==--- --==--=- ---- -- -- -----
pyarrow ChunkedArray                      ===== === == ======= ======== ==== == == =====
pyarrow Array of decimals                 ===== === == =====-- ======== ---- == -- =----
pyarrow Array of durations                ===== === -- -=-=--- ====--== ==-- == -- -----
pyarrow Array of timestamps               --=== --- -- -=-=--- -=------ ---- -- -- -----
pyarrow Array of timestamps of a zone     --oo- --- -- ------- -------- ---- -- -- -----
pyarrow Table                             ====- --- -- ------- -------- ---- -- =- -----
pyarrow RecordBatch                       ====- --- -- ------- -------- ---- -- =- -----
pyarrow Scalar                            ----- --- -- ------- -------- ---- -- -- -----
polars Series                             ===== === == ======= ======== ==== == == =====
polars Series of ints                     ===== === == ======= ======== ==== == == -----
polars Series with null                   -=-=- -=- -- --==--- --==--=- ---- -- -- -----
polars Series of Decimal                  ===== === == =====-- ======== ---- == -- =----
polars Series of Duration                 ===== === -- -=-=--- ====--== ==-- == -- -----
polars Series of Datetime                 --=== --- -- -=-=--- -=------ ---- -- -- -----
polars Series of Datetime of a zone       --oo- --- -- ------- -------- ---- -- -- -----
polars DataFrame                          ====- --- -- ------- -------- ---- -- =- -----
polars LazyFrame                          ----- --- -- ------- -------- ---- -- -- -----
scipy sparse array                        ----- --- -- ------- -------- ---- -- -- -----
"""

WORDS = {"=": "exact", "o": "its own type", "-": "refused"}


def cells():
    """For each kind, its codes by function."""
    table = {}
    for line in TABLE.strip().splitlines():
        kind, codes = line[:42].strip(), "".join(line[42:].split())
        assert all(code in WORDS for code in codes), line
        table[kind] = dict(zip(FUNCTIONS, codes, strict=True))
    return table


def row(kind, codes):
    """A line of the table."""
    parts = ["".join(codes[name] for name in group.split()) for group in GROUPS.split("\n")]
    return f"{kind:42}{' '.join(filter(None, parts))}"


def markdown():
    """The table as docs/numerics.md has it."""
    lines = ["| input type | exact | its own type | refused |", "|---|---|---|---|"]
    for kind, codes in cells().items():
        columns = [[f"`{name}`" for name in codes if codes[name] == code] for code in WORDS]
        # The longest list is what the two others leave.
        longest = max(columns, key=len)
        rest = "all" if len(longest) == len(FUNCTIONS) else "all others"
        cells_ = [rest if names is longest else ", ".join(names) for names in columns]
        lines.append("| " + " | ".join([kind, *cells_]) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    print(markdown())
