"""What every function does with input that is not a plain array, and what comes back.

A module imports only those that stand before it: ``reductions`` (one row a reduction), ``kinds``
(which kind an input is), ``timedelta``, ``plain`` (arrays of any dtype), ``subclasses``,
``masked``, ``groups``, ``dispatch`` (where the extension hands over), ``states``, ``average``.
"""
