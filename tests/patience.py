"""How long a test waits for what must come about: no test measures the machine, so this only ends one that hangs."""

from __future__ import annotations

import time
from collections.abc import Callable

PATIENCE_S = 120.0
"""Far beyond what anything takes on a busy machine."""


def eventually(what: str, holds: Callable[[], object]) -> None:
    """Wait until ``holds`` returns something true. Raises: AssertionError, naming ``what``, when it never does."""
    deadline = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < deadline, f"not within {PATIENCE_S:g} s: {what}"
        time.sleep(0.01)
