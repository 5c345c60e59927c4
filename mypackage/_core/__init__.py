"""What every function does with input that is not a plain array, and what comes back.

A module imports only those that stand before it: ``reductions`` (one row a reduction), ``axes``,
``kinds`` (which kind an input is, and what is refused), ``units``, ``lists``, ``rounding``,
``objects`` (Python's numbers), ``timedelta``, ``plain`` (arrays of any dtype), ``subclasses``,
``groups``, ``masked``, ``labels`` (of two inputs), ``states``, ``columns`` (of tables),
``average``, ``dispatch`` (where the extension hands over), ``rationals``, ``covariance``,
``exact_moments``, ``group_moments``, ``labelled_moments`` (of pandas).
"""
