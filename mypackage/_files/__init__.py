"""Exact sums of one or many files, larger than memory, with checkpoints to resume from.

A module imports only those listed before it: ``pieces`` (what readers are given and yield),
``text`` (decompressing and decoding text), ``columns`` (choosing columns of a table), the readers
``csv``, ``arrays`` (.npy, .npz, HDF5) and ``tables`` (parquet, Arrow), ``formats`` (the reader for
a file), ``states`` (exact sums of columns), ``streams`` (whole runs).
"""
