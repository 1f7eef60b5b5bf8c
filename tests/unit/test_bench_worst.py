"""The worst single commands keep within the bound of a record; how long they take is the benchmark's to say."""

from __future__ import annotations

import pytest

from bench import worst
from engine.api.limits import RECORD_BYTES_MAX

QUICK = ["mass cancel, 10,000 orders", "IOC against icebergs of 100,000 tranches", "2,000 pegs move by a tick"]


@pytest.mark.req("TRD-30", "ORD-09")
@pytest.mark.parametrize("name", QUICK)
def test_every_record_of_a_long_work_keeps_within_the_bound(name: str) -> None:
    samples = list(worst.ROWS[name]())
    assert len(samples) > 10, "it takes many records"
    assert max(sample.length for sample in samples) < RECORD_BYTES_MAX / 4


def test_a_row_that_breaks_a_bound_is_named() -> None:
    row = {"records": 1, "median_us": 1.0, "longest_us": 1.0, "by_the_clock_us": 1.0, "total_ms": 1.0, "bytes_max": 1}
    late, large = row | {"longest_us": 2_000.1}, row | {"bytes_max": RECORD_BYTES_MAX + 1}
    told = worst.table({"well": row, "late": late, "large": large}).splitlines()
    assert ["breaks a bound" in line for line in told] == [False, False, False, True, True]
