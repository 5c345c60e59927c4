"""Where the C header and the C library are."""

from __future__ import annotations

import os


def get_include() -> str:
    """Return the directory of ``mypackage.h``, for a C or C++ compiler's ``-I``.

    Returns
    -------
    str
        The absolute path of the directory.

    See Also
    --------
    get_library, numpy.get_include

    Examples
    --------
    >>> import mypackage, os
    >>> os.listdir(mypackage.get_include())
    ['mypackage.h']
    """
    return os.path.join(os.path.dirname(os.path.abspath(__file__)), "include")


def get_library() -> str:
    """Return the path of the C library, to link with or to load.

    It is a shared library that uses no Python symbols; its suffix is that of extension modules.

    Returns
    -------
    str
        The absolute path of the file.

    Raises
    ------
    ImportError
        If the package was installed without its C library.

    See Also
    --------
    get_include, mypackage.capi.library

    Examples
    --------
    >>> import mypackage, ctypes
    >>> library = ctypes.CDLL(mypackage.get_library())
    >>> library.mypackage_get_num_threads() >= 1
    True
    """
    import importlib.util

    # The import system knows every suffix: .abi3.so, .cpython-311-x86_64-linux-gnu.so, .pyd ...
    spec = importlib.util.find_spec("mypackage._capi")
    if spec is None or spec.origin is None:
        raise ImportError(
            "mypackage was installed without its C library (mypackage._capi); reinstall it, with "
            "the Rust tool chain if no wheel fits this platform"
        )
    return spec.origin
