"""Input that is not a plain array of numbers: conversion, reduction, and the type of the result.

A module imports only those listed before it: ``reductions`` (a row for each reduction), ``axes``,
``input_types`` (classifying and refusing input), ``units``, ``lists``, ``rounding``, ``objects``
(Python's numbers), ``timedelta``, ``plain`` (arrays of any dtype), ``subclasses``, ``groups``,
``masked``, ``labels`` (aligning two inputs), ``states``, ``columns`` (of tables), ``average``,
``dispatch`` (called by the extension), ``rationals``, ``covariance``, ``exact_moments``,
``group_moments``.
"""
