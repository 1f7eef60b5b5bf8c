"""Every command and event is told in words and exported, on a day on which everything happens."""

from __future__ import annotations

import msgspec
import pytest

from engine.api.wire import Record
from ops.telling.chronicle import Chronicle
from ops.telling.commands import describe_command
from ops.telling.events import describe_event
from ops.telling.history import OrderQuery, order_history
from ops.telling.objects import record_object
from tests.taxonomy.scenario import whole_day

SILENT = {
    *("AssetRegistered", "FirmRegistered", "AccountOpened", "SessionRegistered", "InstrumentListed", "MarkSet"),
    *("VenueStatusSet", "TimeAdvanced", "InstrumentChanged", "InstrumentDelisted", "AccountStatusSet"),
    *("AccountLimitsSet", "MarginStateSet", "CollateralSet"),
}
"""Events that say no more than that their command was done."""


@pytest.fixture(scope="module")
def day() -> list[Record]:
    return whole_day()


@pytest.mark.req("RPL-34", "RPL-02")
def test_everything_is_told_in_words(day: list[Record]) -> None:
    chronicle = Chronicle()
    for record in day:
        chronicle.apply(record)
        assert "(" not in describe_command(record.command, chronicle).split(" ")[0]
        for event in record.events:
            said = describe_event(event, record, chronicle)
            assert (said == "done") == (type(event).__name__ in SILENT), event
            assert " lots" not in said and " ticks" not in said and "minor units of asset" not in said, said


@pytest.mark.req("RPL-02")
def test_everything_is_exported_without_numbers_programs_would_round(day: list[Record]) -> None:
    def numbers(value: object) -> list[int]:
        if isinstance(value, dict):
            return [n for key, inner in value.items() if key not in TIMES for n in numbers(inner)]
        if isinstance(value, list):
            return [n for inner in value for n in numbers(inner)]
        return [value] if isinstance(value, int) else []

    chronicle = Chronicle()
    for record in day:
        chronicle.apply(record)
        read = msgspec.json.decode(msgspec.json.encode(record_object(record, chronicle)))
        assert all(abs(number) < 2**53 for number in numbers(read)), read


TIMES = ("ts_ns", "source_seq", "expire_time_ns", "until_ns", "effective_ns")


def story(day: list[Record], order_id: int) -> str:
    return " | ".join(h.what for h in order_history(OrderQuery(order_id=order_id), day, Chronicle()))


@pytest.mark.req("RPL-34")
@pytest.mark.parametrize(
    ("cl_ord_id", "told"),
    [
        ("n7", ("replaced: 0.3 at 99.95", "it keeps its place", "replace rejected: 1009", "leaves 0); fees")),
        ("n9", ("triggered by the last price at 99.96", "triggered: it now trades up to", "1017 IOC_REMAINDER")),
        ("n11", ("(DECREMENT, self-trade", "(REFILL, an iceberg", "1038 REPLACED_BELOW_FILLED")),
        ("n14", ("let what is due happen", "1037 DAY_EXPIRED")),
        ("n17", ("mid peg", "(PEG, the price it is pegged to moved)", "waits without a price")),
        ("n15", ("canceled by a mass cancel of ALPHA",)),
        ("n19", ("post-only, slide", "(SLIDE, it would have taken")),
        ("n21", ("ALPHA-M borrowed 60.09 USDT", "accepted as")),
        (
            "n30",
            ("(REDUCE_ONLY, a reduce-only", "position of CHARLIE-F in BTC-PERP (traded): flat", "owes 450.2795 USDT"),
        ),
        ("n34", ("canceled: 1044 DELISTED (instrument delisted)",)),
    ],
)
def test_an_order_is_explained(day: list[Record], cl_ord_id: str, told: tuple[str, ...]) -> None:
    (order_id,) = [r.seq for r in day if getattr(r.command, "cl_ord_id", "") == cl_ord_id]
    said = story(day, order_id)
    for expected in told:
        assert expected in said, said


def test_a_history_is_about_its_order_alone(day: list[Record]) -> None:
    """A record about the order may hold events of others: they are left out."""
    (order_id,) = [r.seq for r in day if getattr(r.command, "cl_ord_id", "") == "n19"]
    assert "order 82" not in story(day, order_id)
