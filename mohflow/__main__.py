"""Run the command line by ``python -m mohflow``."""

from __future__ import annotations

import sys

from mohflow.cli import main


if __name__ == "__main__":
    sys.exit(main())
