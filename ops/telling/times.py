"""Times of the exchange as people and programs read them."""

from __future__ import annotations

from datetime import UTC, datetime


def iso_time(ts_ns: int) -> str:
    """Write exchange time as ISO 8601 with microseconds and Z (TIM-08)."""
    seconds, rest = divmod(ts_ns, 1_000_000_000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest // 1000:06d}Z"
