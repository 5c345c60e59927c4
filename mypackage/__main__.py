# PYTHON_ARGCOMPLETE_OK
"""``python -m mypackage`` and the console command ``mypackage``."""

import sys

from mypackage._cli import main

if __name__ == "__main__":
    sys.exit(main())
