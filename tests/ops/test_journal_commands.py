"""``exchange journal`` and ``exchange order``: what the log says, and whether it is whole."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest
from typer.testing import CliRunner

from engine.api.commands import CancelOrder, Command, NewOrder, RequestOrderStatus
from engine.api.enums import OrdType, Side, TimeInForce
from engine.api.ids import order_id_text
from engine.api.link import ControlRequest, EngineStatus
from engine.api.segment import SEGMENT_HEADER_BYTES
from engine.api.wire import HEADER_BYTES, Record, encode_command, split_frames
from engine.client import ask, submit_and_wait
from ops.cli.app import app
from tests.ops.running import ROOT, command
from tests.patience import PATIENCE_S
from venue.configuration import load_venue
from venue.registration import register

ALPHA, BRAVO = 11, 21


def limit(account_id: int, side: Side, lots: int, ticks: int, cl_ord_id: str) -> NewOrder:
    force = TimeInForce.GOOD_TILL_CANCEL
    return NewOrder(account_id, 1, side, OrdType.LIMIT, force, lots, ticks, cl_ord_id)


@pytest.fixture
def traded(engine: Path) -> tuple[Path, list[Record]]:
    """A journal in which BRAVO's order is filled in part, asked about, cancelled, and cancelled once more."""
    register(engine, load_venue(ROOT / "config"))
    steps: list[tuple[int, Command]] = [
        (BRAVO, limit(102, Side.SELL, 50_000, 6_000_000, "same-id")),
        (ALPHA, limit(101, Side.BUY, 20_000, 6_000_000, "same-id")),
        (BRAVO, RequestOrderStatus("same-id")),
        (BRAVO, CancelOrder("c-1", "same-id")),
        (BRAVO, CancelOrder("c-2", "same-id")),
        (ALPHA, limit(101, Side.BUY, 20_000, 600_000_000, "too-dear")),
    ]
    found = []
    for source, step in steps:
        found += submit_and_wait(engine, "test", [encode_command(step)], PATIENCE_S, source)
    return engine, found


def decoded(done: subprocess.CompletedProcess[str]) -> Any:
    assert done.returncode == 0, done.stderr
    return msgspec.json.decode(done.stdout)


@pytest.mark.req("RPL-34", "TIM-08", "RPL-02")
def test_order_show_tells_the_whole_history(traded: tuple[Path, list[Record]]) -> None:
    data, records = traded
    sell = records[0]
    for asked in (order_id_text(sell.seq, sell.ts_ns), str(sell.seq)):
        rows = decoded(command("order", "show", asked, "--data", data, "--json"))
        story = " | ".join(row["what"] for row in rows)
        steps = ("sell 0.5 BTC/USDT limit at 60000", "accepted as", "traded 0.2 BTC/USDT at 60000", "is PARTIAL")
        for expected in (*steps, "1039 USER_REQUESTED (canceled by request)", "cancel rejected: 1004 TOO_LATE"):
            assert expected in story, story
        assert [row["seq"] for row in rows] == sorted(row["seq"] for row in rows)
        assert rows[0]["time"].endswith("Z") and len(rows[0]["time"]) == len("2026-01-01T00:00:00.000000Z")
        assert "too-dear" not in story


@pytest.mark.req("RPL-34")
def test_order_show_tells_sessions_with_the_same_cl_ord_id_apart(traded: tuple[Path, list[Record]]) -> None:
    data, _ = traded
    mine = decoded(command("order", "show", "same-id", "--session", "ALPHA", "--data", data, "--json"))
    assert [row["by"] for row in mine if row["by"] != "engine"] == ["ALPHA"]
    both = decoded(command("order", "show", "same-id", "--data", data, "--json"))
    assert {row["by"] for row in both} == {"ALPHA", "BRAVO", "engine"}
    assert [row["order"] for row in both if row["what"].startswith("order same-id: sell")] == [
        "ClOrdID same-id of BRAVO"
    ]
    shown = command("order", "show", "same-id", "--data", data).stdout.splitlines()
    assert shown[0].startswith("same-id names 2 orders")
    assert [line for line in shown if line.startswith("ClOrdID")] == [
        "ClOrdID same-id of BRAVO",
        "ClOrdID same-id of ALPHA",
    ]


def test_order_ids_and_words_stay_whole_in_80_columns(traded: tuple[Path, list[Record]]) -> None:
    data, records = traded
    order_id = order_id_text(records[0].seq, records[0].ts_ns)
    for line in (("order", "show", order_id), ("journal", "cat")):
        shown = command(*line, "--data", data, columns=80).stdout
        assert order_id in shown and "0.5 BTC reserved" in " ".join(shown.split())
        assert "0.3 void, 0.3 BTC released" in " ".join(shown.split())
        assert max(len(row) for row in shown.splitlines()) <= 80
    replayed = command("journal", "replay", "--data", data).stdout.splitlines()
    assert len(replayed[-1]) == 64


def test_a_reader_who_has_seen_enough_ends_cat_without_a_fault(traded: tuple[Path, list[Record]]) -> None:
    for form in ("", "--json"):
        line = f"{sys.executable} -m ops journal cat {form} --data {traded[0]} | true; exit ${{PIPESTATUS[0]}}"
        done = subprocess.run(["bash", "-c", line], cwd=ROOT, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.req("RPL-34")
def test_order_show_explains_a_rejection(traded: tuple[Path, list[Record]]) -> None:
    data, _ = traded
    rows = decoded(command("order", "show", "too-dear", "--data", data, "--json"))
    assert [row["what"] for row in rows][1].startswith("rejected: 10")


def test_order_show_of_an_unknown_order_fails(traded: tuple[Path, list[Record]]) -> None:
    done = command("order", "show", "never-sent", "--data", traded[0])
    assert (done.returncode, done.stdout) == (1, "")
    assert "the journal knows no order never-sent" in done.stderr


def test_cat_prints_what_was_asked_for(traded: tuple[Path, list[Record]]) -> None:
    data, records = traded
    first, last = records[0].seq, records[1].seq
    done = command("journal", "cat", "--data", data, "--from", first, "--to", last, "--json")
    objects = [msgspec.json.decode(line) for line in done.stdout.splitlines()]
    assert [entry["seq"] for entry in objects] == [first, last]
    assert [event["type"] for event in objects[1]["events"]] == ["OrderAccepted", "Traded"]
    order, trade = objects[1]["command"], objects[1]["events"][1]
    assert [order[key] for key in ("side", "ord_type", "time_in_force")] == ["1", "2", "1"]
    assert (order["price"], order["order_qty"]) == ("60000", "0.2")
    assert (trade["last_px"], trade["maker_leaves"], trade["taker_fee"]) == ("60000", "0.3", "12")
    words = command("journal", "cat", "--data", data, "--from", first, "--to", last).stdout
    assert "BRAVO" in words and "-> traded 0.2 BTC/USDT at 60000" in words


@pytest.mark.req("RPL-01", "DET-21", "DET-05", "RPL-05")
def test_replay_gives_the_engines_digest(traded: tuple[Path, list[Record]]) -> None:
    data, records = traded
    outcome = decoded(command("journal", "replay", "--data", data, "--json"))
    assert outcome["is_identical"] is True
    assert outcome["seq"] == records[-1].seq
    status = msgspec.json.decode(ask(data, ControlRequest("digest")), type=EngineStatus)
    assert (outcome["seq"], outcome["state_sha256"]) == (status.seq, status.state_sha256)


@pytest.mark.req("REC-30", "RPL-32", "RPL-34")
def test_verify_finds_a_flipped_byte(traded: tuple[Path, list[Record]], tmp_path: Path) -> None:
    data, records = traded
    sound = command("journal", "verify", "--data", data)
    assert sound.returncode == 0
    assert f"{records[-1].seq} records in 1 segment:" in sound.stdout
    copy = tmp_path / "copy"
    shutil.copytree(data / "journal", copy / "journal")
    segment = next((copy / "journal").glob("*.seg"))
    raw = bytearray(segment.read_bytes())
    raw[SEGMENT_HEADER_BYTES + HEADER_BYTES + 3] ^= 1
    segment.write_bytes(raw)
    done = command("journal", "verify", "--data", copy)
    assert done.returncode == 1
    assert f"{segment.name} is corrupt at offset {SEGMENT_HEADER_BYTES}" in done.stderr
    found = msgspec.json.decode(command("journal", "verify", "--json", "--data", copy).stdout)
    assert (found["is_sound"], found["fault"]["segment"]) == (False, segment.name)
    assert command("order", "show", "1", "--data", copy).returncode == 1
    replayed = command("journal", "replay", "--data", copy)
    assert (replayed.returncode, "again: the record after seq 0 is not sound: BAD_CRC" in replayed.stderr) == (1, True)


def test_verify_tells_programs_and_people(traded: tuple[Path, list[Record]]) -> None:
    data, records = traded
    found = decoded(command("journal", "verify", "--json", "--data", data))
    assert (found["is_sound"], found["records"], len(found["segments"])) == (True, records[-1].seq, 1)
    done = command("journal", "verify", "--data", data)
    assert "in 1 segment:" in done.stdout and done.stderr == ""


@pytest.mark.req("RPL-32")
def test_replay_finds_a_record_that_executes_differently(traded: tuple[Path, list[Record]], tmp_path: Path) -> None:
    data, records = traded
    copy = tmp_path / "copy"
    shutil.copytree(data / "journal", copy / "journal")
    segment = next((copy / "journal").glob("*.seg"))
    raw = bytearray(segment.read_bytes())
    last = raw.rfind(records[-1].seq.to_bytes(8, "little")) - 8
    raw[last + 28] ^= 1  # the source: sealed again below, so that only executing can tell
    from engine.api.wire import crc32c

    raw[last + 4 : last + 8] = crc32c(bytes(raw[last + 8 :])).to_bytes(4, "little")
    segment.write_bytes(raw)
    assert command("journal", "verify", "--data", copy).returncode == 0
    done = command("journal", "replay", "--data", copy)
    assert done.returncode == 1, done.stdout
    assert f"replay diverges from the journal at seq {records[-1].seq}" in done.stderr
    found = msgspec.json.decode(command("journal", "replay", "--json", "--data", copy).stdout)
    assert found == {"is_identical": False, "diverged_at": records[-1].seq}


@pytest.mark.parametrize(
    "line",
    [
        ("journal", "verify"),
        ("journal", "cat"),
        ("journal", "replay"),
        ("order", "show", "1"),
        ("status",),
        ("reconcile",),
        ("account", "show", "ALPHA"),
    ],
)
def test_what_is_not_there_cannot_be_reached(tmp_path: Path, line: tuple[str, ...]) -> None:
    for data in (tmp_path / "absent", tmp_path):
        done = CliRunner().invoke(app, [*line, "--data", str(data)])
        assert done.exit_code == 3
        assert done.stderr.startswith("exchange: no ") and "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "line", [("journal", "cat", "--from", "0"), ("order", "show"), ("reconcil",), ("run", "--durability", "x")]
)
def test_wrong_usage_is_told_apart(line: tuple[str, ...]) -> None:
    assert command(*line).returncode == 2


@pytest.mark.req("RPL-34", "REC-05")
@pytest.mark.parametrize("line", [("journal", "cat"), ("journal", "expand"), ("order", "show", "same-id")])
def test_a_changed_byte_is_told_with_its_segment_and_offset(
    traded: tuple[Path, list[Record]], line: tuple[str, ...]
) -> None:
    data, _ = traded
    (segment,) = (data / "journal").glob("journal-*.seg")
    raw = bytearray(segment.read_bytes())
    start, _ = split_frames(bytes(raw[SEGMENT_HEADER_BYTES:]))[0][9]
    offset = SEGMENT_HEADER_BYTES + start
    raw[offset + 12] ^= 0xFF  # the number of record 10
    segment.write_bytes(raw)

    done = command(*line, "--data", data)

    assert done.returncode == 1
    assert f"{segment.name} is corrupt at byte {offset}: " in done.stderr
