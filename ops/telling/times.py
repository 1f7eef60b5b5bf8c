"""Times of the exchange as people and programs write and read them."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from ops.errors import Refused

_TIME = re.compile(r"(\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d)?)?)(?:\.(\d{1,9}))?(?:Z|\+00:00)?", re.ASCII)


def iso_time(ts_ns: int) -> str:
    """Write exchange time as ISO 8601 with microseconds and Z (TIM-08)."""
    seconds, rest = divmod(ts_ns, 1_000_000_000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest // 1000:06d}Z"


def parse_time(text: str) -> int:
    """Read a time: nanoseconds since 1970, or ISO 8601 in UTC with up to nine decimals. Raises: Refused."""
    if text.isascii() and text.isdigit():
        return int(text)
    found = _TIME.fullmatch(text)
    if found is None:
        raise Refused(f"{text} is no time: write 2026-01-31T13:45:00.5Z, or nanoseconds since 1970")
    try:
        seconds = int(datetime.fromisoformat(found[1]).replace(tzinfo=UTC).timestamp())
    except ValueError as error:
        raise Refused(f"{text} is no time: {error}") from error
    return seconds * 1_000_000_000 + int((found[2] or "").ljust(9, "0"))
