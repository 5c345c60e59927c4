"""ctypes: nothing but the standard library and the shared library's path."""

import ctypes

import mypackage
from mypackage import capi

# By hand: declare what is called, pass addresses, read the status.
library = ctypes.CDLL(mypackage.get_library())
library.mypackage_hello.restype = ctypes.c_char_p
print(library.mypackage_hello().decode())

total = ctypes.c_int32()
status = library.mypackage_add_i32(3, 5, ctypes.byref(total))
print(status, total.value)

# With the front that the package brings: arrays of any stride, exceptions instead of statuses.
print(capi.sum([1e308, 1e308, -1e308]))
try:
    capi.add(2**31 - 1, 1)
except OverflowError as error:
    print(error)
