"""The ``exchange`` command.

Exit codes: 0 all is well; 1 a difference, a failed check, or no such firm or order; 2 wrong usage or
configuration; 3 what was asked could not be reached.
"""

from __future__ import annotations

from ops.cli.app import main

__all__ = ["main"]
