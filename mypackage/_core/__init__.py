"""Input that is not a plain array of numbers: conversion, reduction, and the type of the result.

A module imports, at its top, only modules listed before it:

- the table of reductions, axes, rounding, and what an input is: ``reductions``, ``axes``,
  ``rounding``, ``input_types``, ``outputs``, ``lists``, ``units``, ``labels``, ``inputs``;
- elements without a kernel: ``python_numbers``, ``objects`` (arrays of them), ``object_moments``,
  ``rationals``, ``timedelta``;
- arrays: ``moments``, ``groups``, ``states``, ``columns`` (of tables), ``plain``, ``subclasses``,
  ``masked``;
- functions: ``average``, ``covariance``, ``cumulative``, ``exact_moments``, ``group_moments``,
  ``products``, ``segments``, ``summary``, ``windows``;
- ``dispatch``, which the extension calls.
"""
