"""The ``exchange`` command.

Exit codes: 0 all is well; 1 a difference, a failed check, or no such firm or order; 2 wrong usage or
configuration; 3 what was asked could not be reached, or did not come up; 130 interrupted by Ctrl-C.
"""

from __future__ import annotations


def main() -> None:
    """Run the ``exchange`` command."""
    try:
        from ops.cli.app import main as run  # here: Ctrl-C may come while it is imported

        run()
    except KeyboardInterrupt:
        raise SystemExit(130) from None
