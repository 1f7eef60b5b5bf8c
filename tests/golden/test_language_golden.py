"""Every type of command and event, byte for byte as it is written down in ``language.txt``."""

from __future__ import annotations

import re

import pytest

from engine.api.enums import PositionReason, RestateReason
from engine.api.messages.declare import COMMANDS, EVENTS
from engine.api.wire import decode_records, encode_frame
from engine.host.core import Core, Fault
from tests.golden import language
from tests.model.exchange import Exchange

WRITTEN = language.FILE.read_text(encoding="ascii")


def journal() -> bytes:
    """The records as they stand in the file, put together again from their bytes."""
    return bytes.fromhex("".join(re.findall(r"  ([0-9a-f]{4,})$", WRITTEN.rpartition("sha256")[0], re.MULTILINE)))


@pytest.mark.req("DET-01", "DET-21", "EVT-05", "EVT-12")
def test_the_core_writes_the_same_bytes() -> None:
    assert language.listing(language.of_core()) == WRITTEN


@pytest.mark.req("DET-01", "DET-21", "EVT-05")
def test_the_model_writes_the_same_bytes() -> None:
    model = Exchange()
    records = b"".join(model.apply(now_ns, frame) for now_ns, frame in language.frames())
    assert language.listing(records) == WRITTEN


@pytest.mark.req("RPL-01", "DET-01", "EVT-12")
def test_the_file_is_a_journal_that_replays() -> None:
    core = Core()
    replayed = core.replay(journal())
    assert (replayed.fault, replayed.count) == (Fault.NONE, len(language.SCRIPT))
    core.check()


@pytest.mark.req("EVT-01", "EVT-02", "EVT-03")
def test_every_type_occurs() -> None:
    commands = set(re.findall(r"^  ([A-Z_]+)  ", WRITTEN, re.MULTILINE))
    events = set(re.findall(r"^  -> ([A-Z_]+)  ", WRITTEN, re.MULTILINE))
    assert commands == {known.layout.name for known in COMMANDS.values()}
    assert events == {known.layout.name for known in EVENTS.values()}
    for reason in [*RestateReason, *PositionReason]:
        assert f"reason {reason.name}," in WRITTEN, reason


@pytest.mark.req("EVT-03", "SEQ-01", "DRV-10")
def test_records_are_numbered_without_gaps_and_no_two_events_share_a_time() -> None:
    records = decode_records(journal())
    assert [record.seq for record in records] == list(range(1, len(records) + 1))
    times = [record.ts_ns + n for record in records for n in range(len(record.events))]
    assert times == sorted(set(times)) and all(record.events for record in records)


def test_a_byte_that_changes_is_noticed() -> None:
    core = Core()
    changed = journal().replace(b"desk 7", b"desk 8")
    assert core.replay(changed).fault is Fault.BAD_CRC
    assert encode_frame(0, 1, b"")[:4] != changed[:4]
