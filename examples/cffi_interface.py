"""cffi in ABI mode: it reads the header, less what the preprocessor would remove."""

import pathlib

import cffi
import numpy as np

import mypackage

header = pathlib.Path(mypackage.get_include(), "mypackage.h").read_text()
declarations = header.partition('extern "C" {\n#endif')[2].partition("#ifdef __cplusplus")[0]
ffi = cffi.FFI()
ffi.cdef(declarations)
library = ffi.dlopen(mypackage.get_library())

print(ffi.string(library.mypackage_hello()).decode())

samples = np.array([(b"a", 1e16), (b"b", 1.0), (b"c", -1e16)], dtype=[("name", "S1"), ("x", "f8")])
out = ffi.new("double *")
first = ffi.cast("double *", samples["x"].ctypes.data)
assert library.mypackage_sum_f64(first, 3, samples.strides[0], out) == library.MYPACKAGE_OK
print(out[0])

if library.mypackage_sum_f64(ffi.NULL, 3, 8, out) == library.MYPACKAGE_ERROR_POINTER:
    print(ffi.string(library.mypackage_error_message()).decode())
