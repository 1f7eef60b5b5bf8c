"""How a check went: *passed / tried*, and the first tries that did not pass."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

FAILURES_KEPT = 10


class Tally:
    """Counts tries. ``note`` says what else is worth knowing, such as what could not be tried here."""

    def __init__(self) -> None:
        self.passed = 0
        self.tried = 0
        self.failures: list[str] = []
        self.note = ""

    @contextmanager
    def trying(self, what: object) -> Iterator[None]:
        """Count one try, passed unless the block raises."""
        self.tried += 1
        try:
            yield
        except Exception as error:  # whatever goes wrong is the finding
            if len(self.failures) < FAILURES_KEPT:
                self.failures.append(f"{what}: {type(error).__name__}: {error}")
        else:
            self.passed += 1

    @property
    def is_whole(self) -> bool:
        """Tell whether something was tried and all of it passed."""
        return 0 < self.tried == self.passed


def spread(count: int, scale: float) -> range:
    """Choose ``scale`` of 0..count-1, evenly, at least one: every one of them from scale 1 on."""
    return range(0, count, max(1, int(1 / scale)))


def times(count: int, scale: float) -> int:
    """Scale a number of tries, at least one."""
    return max(1, int(count * scale))
