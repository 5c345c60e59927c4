"""Exact sums of files larger than memory, of many files, and with checkpoints to go on from.

A module imports only those that stand before it: ``pieces`` (what readers yield, and what they are
asked for), ``text`` (bytes of compressed or encoded text), ``columns`` (which columns of a table),
``csv``, ``arrays`` (.npy, .npz, HDF5) and ``tables`` (parquet, Arrow), each a reader or more,
``formats`` (which reader for which file), ``states`` (exact sums of columns), ``streams``.
"""
