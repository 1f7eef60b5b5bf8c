"""``exchange journal`` on files alone: any past state, where two logs part, and what a record should have been."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from typer.testing import CliRunner

from engine.api.segment import SEGMENT_HEADER_BYTES, list_segments
from engine.api.wire import HEADER, crc32c, decode_records, split_frames
from engine.client import read_journal
from engine.host import journal, recovery, snapshot
from engine.host.core import Core
from engine.host.disk import UnsyncedDisk
from ops.cli.app import app
from ops.journal.bisection import first_parting
from ops.journal.fields import differing_fields
from ops.journal.timetravel import log_at
from ops.telling.times import parse_time
from tests.host.journals import NOW_NS, script
from tests.host.running import FaultyEngine

ROUNDS = 6
SNAPSHOTS_AT = (25, 45)
SECOND_NS = 1_000_000_000


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_data(tmp_path_factory.mktemp("original"), script(ROUNDS))


@pytest.fixture
def data(original: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(original, tmp_path / "data"))


def write_data(data: Path, frames: list[bytes]) -> Path:
    """Write a data directory: one record a second, some segments, two snapshots."""
    (data / "journal").mkdir(parents=True, exist_ok=True)
    recovered = recovery.recover(data / "journal", data / "snapshots", UnsyncedDisk())
    core, writer = recovered.core, journal.Journal(data / "journal", recovered.tail, UnsyncedDisk())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(journal, "SEGMENT_BYTES_MAX", 3000)
        for n, frame in enumerate(frames, 1):
            writer.append(core.apply(NOW_NS + n * SECOND_NS, frame).records, core.seq, core.prev_crc)
            if n in SNAPSHOTS_AT:
                snapshot.save(data / "snapshots", core, writer.place, UnsyncedDisk())
    writer.close()
    return data


def exchange(*line: object) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, [str(word) for word in line])
    return done.exit_code, done.stdout, done.stderr


def answer(*line: object, exit_code: int = 0) -> Any:
    code, stdout, stderr = exchange(*line, "--json")
    assert code == exit_code, stderr
    return msgspec.json.decode(stdout)


def cores(data: Path, last: int) -> Core:
    """Bring a core to record ``last`` the plain way."""
    core = Core()
    for chunk in read_journal(data / "journal", 1, last) if last else ():
        core.replay(chunk)
    return core


def tamper(data: Path, seq: int, change: Callable[[bytearray], None], sealed: bool = True) -> None:
    """Change one record where it lies; with its checksum made right again, only executing it can tell."""
    for path in list_segments(data / "journal"):
        raw, at = bytearray(path.read_bytes()), SEGMENT_HEADER_BYTES
        while at < len(raw):
            length, _, found, *_ = HEADER.unpack_from(raw, at)
            if found == seq:
                record = raw[at : at + length]
                change(record)
                if sealed:
                    record[4:8] = crc32c(bytes(record[8:])).to_bytes(4, "little")
                path.write_bytes(raw[:at] + record + raw[at + length :])
                return
            at += length
    raise AssertionError(f"no record {seq}")


def other_time(record: bytearray) -> None:
    record[16] ^= 1


def other_last_byte(record: bytearray) -> None:
    record[-1] ^= 1


# --- state at any seq or time ---------------------------------------------------------------------------


@pytest.mark.req("RPL-10", "RPL-05", "RPL-21")
def test_the_state_at_every_seq_is_that_of_a_plain_replay(data: Path) -> None:
    before = content(data)
    last = len(script(ROUNDS))
    for seq in (0, 1, *SNAPSHOTS_AT, SNAPSHOTS_AT[0] - 1, SNAPSHOTS_AT[1] + 1, last):
        expected = cores(data, seq)
        found = answer("journal", "replay", "--to", seq, "--data", data)
        assert (found["seq"], found["state_sha256"]) == (seq, expected.digest().hex())
        assert (found["open_orders"], len(found["balances"])) == (expected.open_orders, len(expected.balances()))
    assert content(data) == before
    code, _, stderr = exchange("journal", "replay", "--to", last + 1, "--data", data)
    assert code == 1 and f"ends at seq {last}" in stderr


@pytest.mark.req("RPL-10", "TIM-08")
def test_a_time_means_the_last_record_at_or_before_it(data: Path) -> None:
    def seq_at(time: object) -> object:
        return answer("journal", "replay", "--at", time, "--data", data)["seq"]

    last = len(script(ROUNDS))
    for seq in (1, 2, 30, last):
        at = NOW_NS + seq * SECOND_NS
        assert [seq_at(at - 1), seq_at(at), seq_at(at + 1)] == [seq - 1, seq, seq]
    time = answer("journal", "replay", "--to", 30, "--data", data)["time"]
    assert time.endswith("Z") and seq_at(time) == 30
    assert seq_at("2020-01-01") == 0
    assert seq_at("2099-12-31T23:59:59.999999999Z") == last


@pytest.mark.parametrize(
    ("text", "ns"),
    [
        ("1790000000000000007", 1_790_000_000_000_000_007),
        ("1970-01-01T00:00:01.000000002Z", 1_000_000_002),
        ("1970-01-02 00:00", 86_400 * SECOND_NS),
        ("1970-01-02T00:00:00.5+00:00", 86_400 * SECOND_NS + SECOND_NS // 2),
    ],
)
def test_times_are_read_to_the_nanosecond(text: str, ns: int) -> None:
    assert parse_time(text) == ns


@pytest.mark.parametrize("text", ["yesterday", "", "2026-13-01", "2026-01-01T00:00:00+02:00", "-5", "1e9"])
def test_what_is_no_time_is_wrong_usage(data: Path, text: str) -> None:
    code, stdout, stderr = exchange("journal", "replay", f"--at={text}", "--data", data)
    assert (code, stdout) == (2, "") and "is no time" in stderr


def test_to_and_at_exclude_one_another(data: Path) -> None:
    assert exchange("journal", "replay", "--at", "1", "--to", "1", "--data", data)[0] == 2


@pytest.mark.req("RPL-32", "DET-01")
def test_a_past_that_cannot_be_reached_is_said(data: Path) -> None:
    tamper(data, 30, other_last_byte)
    tamper(data, 50, other_last_byte, sealed=False)
    for to_seq, words in ((30, "diverges from the journal at seq 30"), (50, "record after seq 49 is not sound")):
        code, stdout, stderr = exchange("journal", "replay", "--to", to_seq, "--data", data)
        assert (code, stdout) == (1 if to_seq == 30 else 2, "") and words in stderr
    assert answer("journal", "replay", "--to", 49, "--data", data)["seq"] == 49  # from the snapshot of 45


@pytest.mark.req("RPL-21")
def test_a_damaged_snapshot_is_passed_over(data: Path) -> None:
    newest = snapshot.list_snapshots(data / "snapshots")[-1]
    newest.write_bytes(newest.read_bytes()[:-1])
    found = answer("journal", "replay", "--to", SNAPSHOTS_AT[1] + 2, "--data", data)
    assert found["state_sha256"] == cores(data, SNAPSHOTS_AT[1] + 2).digest().hex()


@pytest.mark.req("RPL-10", "RPL-02")
def test_an_account_and_an_order_as_they_were(data: Path) -> None:
    opening = answer("account", "show", "ALPHA", "--to", 12, "--data", data)
    assert opening["balances"] == [{"account": "ALPHA", "asset": "USDT", "available": "1000000", "locked": "0"}]
    at = NOW_NS + 15 * SECOND_NS
    later = answer("account", "show", "ALPHA", "--at", at, "--data", data)
    assert later["seq"] == 15 and later["balances"] != opening["balances"]
    assert exchange("account", "show", "NOBODY", "--to", 12, "--data", data)[0] == 1
    whole = answer("order", "show", "s0", "--data", data)
    then = answer("order", "show", "s0", "--to", 14, "--data", data)
    assert 0 < len(then) < len(whole) and then == whole[: len(then)]


@pytest.mark.req("RPL-10", "RPL-05")
def test_the_past_is_shown_while_the_engine_runs(tmp_path: Path) -> None:
    engine = FaultyEngine(tmp_path)
    engine.start()
    try:
        engine.register()
        engine.trade(20)
        status = engine.status()
        engine.trade(5)
        found = answer("journal", "replay", "--to", status.seq, "--data", tmp_path)
        assert (found["state_sha256"], found["open_orders"]) == (status.state_sha256, 20)
    finally:
        engine.end()


# --- verify ---------------------------------------------------------------------------------------------


@pytest.mark.req("DET-20", "RPL-32")
def test_verify_holds_each_snapshot_against_the_journal(data: Path) -> None:
    found = answer("journal", "verify", "--data", data)
    assert [one["seq"] for one in found["snapshots"]] == list(SNAPSHOTS_AT)
    older, newest = snapshot.list_snapshots(data / "snapshots")
    head = snapshot.read_heads(data / "snapshots")[1]
    other = cores(data, head.seq - 1)
    (data / "forged").mkdir()
    frame = script(ROUNDS)[head.seq]  # another command than the one that was journaled as this record
    other.apply(NOW_NS + head.seq * SECOND_NS, frame)
    forged = snapshot.write(data / "forged", other, head.place, UnsyncedDisk())
    newest.write_bytes(forged.read_bytes())
    code, _, stderr = exchange("journal", "verify", "--data", data)
    assert code == 1 and f"{newest.name} is not the state" in stderr
    assert answer("journal", "verify", "--data", data, exit_code=1)["is_sound"] is False
    newest.unlink()
    older.write_bytes(older.read_bytes()[:-1])
    code, _, stderr = exchange("journal", "verify", "--data", data)
    assert code == 1 and "does not hold the state" in stderr


# --- diff -----------------------------------------------------------------------------------------------


@pytest.mark.req("DET-22")
def test_diff_of_equal_logs_and_of_a_prefix(data: Path, original: Path) -> None:
    assert answer("journal", "diff", data, original)["is_equal"] is True
    assert answer("journal", "diff", data / "journal", original)["equal_records"] == len(script(ROUNDS))
    list_segments(data / "journal")[-1].unlink()
    found = answer("journal", "diff", data, original, exit_code=1)
    assert (found["longer"], found["differs_at"]) == ("right", 0)
    _, stdout, _ = exchange("journal", "diff", original, data)
    assert f"{data} ends at seq {found['equal_records']}" in stdout and "a prefix" in stdout


@pytest.mark.req("DET-22")
def test_diff_shows_the_first_record_that_differs_field_by_field(data: Path, original: Path) -> None:
    tamper(data, 17, other_time)
    tamper(data, 30, other_last_byte)
    found = answer("journal", "diff", data, original, exit_code=1)
    assert (found["equal_records"], found["differs_at"]) == (16, 17)
    assert [one["field"] for one in found["fields"]] == ["crc32c", "ts_ns"]
    assert int(found["fields"][1]["left"]) ^ int(found["fields"][1]["right"]) == 1
    _, stdout, _ = exchange("journal", "diff", data, original)
    assert "seq 17 differs" in stdout and "ts_ns" in stdout


@pytest.mark.parametrize("command", ["diff", "bisect"])
def test_what_cannot_be_read_ends_with_2(data: Path, original: Path, tmp_path: Path, command: str) -> None:
    assert exchange("journal", command, original, tmp_path / "absent")[0] == 2
    assert exchange("journal", command, tmp_path / "absent")[0] == 2
    path = list_segments(data / "journal")[1]
    path.rename(path.with_suffix(".away"))
    code, _, stderr = exchange("journal", "diff", data, original)
    assert code == 2 and "was expected" in stderr
    path.with_suffix(".away").rename(path)
    raw = path.read_bytes()
    path.write_bytes(raw[:SEGMENT_HEADER_BYTES] + bytes(4) + raw[SEGMENT_HEADER_BYTES + 4 :])
    code, _, stderr = exchange("journal", "diff", data, original)
    assert code == 2 and "nothing can be read after" in stderr


def test_events_are_compared_one_by_one(original: Path) -> None:
    records = [
        chunk[start:end] for chunk in read_journal(original / "journal") for start, end in split_frames(chunk)[0]
    ]
    traded = next(raw for raw in records if len(decode_records(raw)[0].events) == 2)
    changed = bytearray(traded)
    changed[-1] ^= 1
    fields = differing_fields(traded, bytes(changed))
    assert [one.field for one in fields] == ["event 1.buyer_released"]
    assert differing_fields(traded, b"")[0].right == "-"


# --- bisect ---------------------------------------------------------------------------------------------


@pytest.mark.req("DET-22", "RPL-32", "DET-01")
@pytest.mark.parametrize("seq", [1, 12, 13, 26, 45, 59])
def test_bisect_finds_the_record_that_was_tampered_with(data: Path, seq: int) -> None:
    """An event changed comes out otherwise; a time changed does not, but the next record's chain tells."""
    tamper(data, seq, other_last_byte)
    found = answer("journal", "bisect", data, exit_code=1)
    assert found["seq"] == seq and found["reason"].startswith("executing its command gives other bytes")
    assert found["fields"][-1]["field"].startswith(("event", "byte"))
    _, stdout, _ = exchange("journal", "bisect", data)
    assert f"seq {seq} is the first record" in stdout and "executed now" in stdout


@pytest.mark.req("DET-22", "RPL-34")
def test_bisect_finds_where_the_chain_is_broken(data: Path) -> None:
    tamper(data, 26, other_time)
    found = answer("journal", "bisect", data, exit_code=1)
    assert (found["seq"], found["reason"].split(":")[0]) == (27, "it follows another record than the one before it")
    assert [one["field"] for one in found["fields"]] == ["crc32c", "prev_crc"]


@pytest.mark.req("DET-22")
def test_bisect_tells_a_flipped_byte_and_a_sound_log(data: Path) -> None:
    assert answer("journal", "bisect", data)["seq"] == 0
    tamper(data, 33, other_last_byte, sealed=False)
    found = answer("journal", "bisect", data, exit_code=1)
    assert (found["seq"], found["reason"]) == (33, "its checksum does not match its bytes")
    assert [one["field"].split()[0] for one in found["fields"]] == ["event"]


@pytest.mark.req("DET-22", "DET-20")
@pytest.mark.parametrize("seq", [2, 24, 25, 26, 44, 45, 46, 60])
def test_bisect_of_two_logs_finds_where_their_states_part(original: Path, tmp_path: Path, seq: int) -> None:
    frames = script(ROUNDS)
    frames[seq - 1] = script(1)[12]
    other = write_data(tmp_path / "other", frames)
    found = answer("journal", "bisect", original, other, exit_code=1)
    assert found["seq"] == seq
    assert "crc32c" in [one["field"] for one in found["fields"]]
    assert "state_sha256" in [one["field"] for one in found["state"]]
    assert answer("journal", "bisect", original, original)["seq"] == 0


@pytest.mark.req("DET-22", "DET-20")
def test_bisect_of_two_logs_finds_a_snapshot_that_does_not_come_from_its_journal(data: Path, original: Path) -> None:
    head = snapshot.read_heads(data / "snapshots")[1]
    other = cores(data, head.seq - 1)
    other.apply(NOW_NS + head.seq * SECOND_NS, script(ROUNDS)[head.seq])
    snapshot.write(data / "snapshots", other, head.place, UnsyncedDisk())
    found = first_parting(log_at(original), log_at(data))
    assert (found.seq, found.fields) == (head.seq, [])
    assert "state_sha256" in [one.field for one in found.state]
    code, stdout, _ = exchange("journal", "bisect", original, data)
    assert code == 1 and "the records are the same" in stdout


@pytest.mark.req("DET-22")
@pytest.mark.parametrize("with_snapshots", [True, False])
@pytest.mark.parametrize("seq", [17, 25, 40, 45, 59])
def test_bisect_of_two_logs_finds_a_record_that_cannot_be_executed(
    data: Path, original: Path, seq: int, with_snapshots: bool
) -> None:
    """A snapshot after the record does not hide it."""
    if not with_snapshots:
        shutil.rmtree(data / "snapshots")
    tamper(data, seq, other_last_byte)
    found = answer("journal", "bisect", original, data, exit_code=1)
    assert found["seq"] == seq
    # A snapshot of exactly that record still has the state, which is the other's; else there is none to compare.
    is_kept = with_snapshots and seq in SNAPSHOTS_AT
    told = [] if is_kept else [("state", "as executed")]
    assert [(row["field"], row["left"]) for row in found["state"]] == told


def content(directory: Path) -> dict[str, str]:
    """Hash every file, and note when it was last changed."""
    return {
        str(path): f"{hashlib.sha256(path.read_bytes()).hexdigest()} {path.stat().st_mtime_ns}"
        for path in sorted(directory.rglob("*"))
        if path.is_file()
    }
