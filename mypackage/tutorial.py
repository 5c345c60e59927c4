"""The smallest possible functions, called through each interface.

1. A Rust function called from Python; the text is printed through Python's standard output:

   >>> from mypackage import tutorial
   >>> tutorial.hello()
   Hello from rust

2. Arguments and a result, converted in the bindings; an error in Rust becomes an exception:

   >>> tutorial.add(3, 5)
   8
   >>> tutorial.add(2**31 - 1, 1)
   Traceback (most recent call last):
       ...
   OverflowError: 2147483647 + 1 = 2147483648 does not fit int32, which holds -2147483648 to \
2147483647; add Python integers with +

3. A typed record, sent as JSON through the C library; Rust and Python only agree on names:

   >>> from mypackage.records import Person
   >>> tutorial.greet(Person(name="Jan", age=42)).message
   'Jan says hello in Rust'

4. The same through the C library, called with ctypes:

   >>> from mypackage import capi
   >>> capi.add(3, 5)
   8

5. And what the package is for, which takes arrays:

   >>> import mypackage
   >>> float(mypackage.sum([1e16, 1.0, -1e16]))
   1.0

The source of `hello` and `add` is ``bindings/python/src/hello.rs``, that of the kernels under them
``src/hello.rs``.
"""

from __future__ import annotations

from ._native import add, hello
from .records import greet

__all__ = ["add", "greet", "hello"]


def __dir__() -> list[str]:
    return __all__
