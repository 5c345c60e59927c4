"""The smallest functions that can go through each interface, to learn the interfaces by.

1. A Rust function called from Python. The text is printed by Python, the function is Rust's:

   >>> from mypackage import tutorial
   >>> tutorial.hello()
   Hello from rust

2. Arguments and a result. They are converted at the edge; an error in Rust is an exception here:

   >>> tutorial.add(3, 5)
   8
   >>> tutorial.add(2**31 - 1, 1)
   Traceback (most recent call last):
       ...
   OverflowError: 2147483647 + 1 = 2147483648 does not fit int32, which holds -2147483648 to \
2147483647; add Python integers with +

3. A typed record. It travels as JSON through the C library, so that Rust and Python only need to
   agree on names:

   >>> from mypackage.records import Person
   >>> tutorial.greet(Person(name="Jan", age=42)).message
   'Jan says hello in Rust'

4. The same through the C library, as ctypes sees it:

   >>> from mypackage import capi
   >>> capi.add(3, 5)
   8

5. And from what the package is for, which takes arrays:

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
