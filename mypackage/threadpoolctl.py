"""The package's threads under threadpoolctl.

After ``import mypackage.threadpoolctl`` the limits of `threadpoolctl` hold for this package too:
for the extension, and for the C library, which has a thread count of its own.

>>> import threadpoolctl, mypackage, mypackage.threadpoolctl
>>> with threadpoolctl.threadpool_limits(1, user_api="mypackage"):
...     mypackage.get_num_threads()
1
"""

from __future__ import annotations

import ctypes
from typing import Any

from mypackage import __version__
from mypackage._extras import require

__all__: list[str] = []

_threadpoolctl: Any = require("threadpoolctl")


class _Controller(_threadpoolctl.LibController):  # type: ignore[misc]
    """Reads and sets the number of threads through C functions that both libraries export."""

    user_api = "mypackage"
    internal_api = "mypackage"
    filename_prefixes = ("_native", "_capi")
    # Other packages may have libraries of these names, but without these symbols.
    check_symbols = ("mypackage_set_num_threads",)

    def get_num_threads(self) -> int:
        count = self.dynlib.mypackage_get_num_threads
        count.restype = ctypes.c_size_t
        return int(count())

    def set_num_threads(self, num_threads: int) -> None:
        # Checked here, since ctypes would turn a negative number into a huge one.
        if self.dynlib.mypackage_set_num_threads(ctypes.c_size_t(max(num_threads, 0))) != 0:
            raise ValueError(f"the number of threads must be from 1 to 4096, not {num_threads}")

    def get_version(self) -> str:
        return __version__


_threadpoolctl.register(_Controller)
