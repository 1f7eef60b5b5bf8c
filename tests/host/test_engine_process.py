"""The engine as a real process on a real socket: its links, and what survives ``kill -9``."""

from __future__ import annotations

import contextlib
import itertools
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from engine.api import commands as c
from engine.api import events as e
from engine.api.cursor import Cursor
from engine.api.enums import Side, TimeInForce
from engine.api.errors import CursorRefused, LinkError
from engine.api.limits import COMMAND_BYTES_MAX, LINKS_MAX, RING_BYTES_MAX
from engine.api.link import (
    GREETING_BYTES_MAX,
    ControlRequest,
    EngineBalances,
    EngineStatus,
    Hello,
    Refusal,
    Welcome,
    encode_message,
)
from engine.api.parameters import RULES, Parameter
from engine.api.wire import Record, decode_records, encode_command, encode_frame
from engine.client import CommandLink, Follower, Overloaded, ask, read_journal, submit_and_wait
from tests.host.journals import REGISTRATIONS, order
from tests.patience import PATIENCE_S, eventually


class Engine:
    """An engine process in a directory of its own."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "engine", "--data", str(self.data)],
            stdout=subprocess.PIPE,
            stderr=(self.data / "engine.log").open("ab"),
            text=True,
        )
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "ready\n"

    def end(self, number: int) -> int:
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(PATIENCE_S)

    def status(self) -> EngineStatus:
        return msgspec.json.decode(ask(self.data, ControlRequest("digest")), type=EngineStatus)

    def greet(self, raw: bytes) -> bytes:
        """Send raw bytes on a fresh link; return what came back until the engine closed it."""
        with socket.socket(socket.AF_UNIX) as link:
            link.settimeout(PATIENCE_S)
            link.connect(str(self.data / "engine.sock"))
            link.sendall(raw)
            received = b""
            while part := link.recv(65536):
                received += part
            return received


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = Engine(tmp_path)
    engine.start()
    submit_and_wait(tmp_path, "test", [encode_command(m) for m in REGISTRATIONS], PATIENCE_S)
    yield engine
    assert engine.process is not None
    if engine.process.poll() is None:
        engine.end(signal.SIGKILL)


def resting(n: int) -> bytes:
    return encode_command(order(101, Side.BUY, 100, 4_000_000, f"o{n}"))


def records_of(data: Path) -> list[Record]:
    return [record for chunk in read_journal(data / "journal") for record in decode_records(chunk)]


def read_until(follower: Follower, seq: int) -> list[int]:
    seqs: list[int] = []
    deadline = time.monotonic() + PATIENCE_S
    while follower.next_seq <= seq and time.monotonic() < deadline:
        seqs += [record.seq for record in decode_records(follower.read(0.5))]
    return seqs


@pytest.mark.req("ORD-13", "ORD-14")
def test_orders_expire_at_their_times_while_nobody_trades(engine: Engine) -> None:
    """The engine lets time pass by itself, each time once, and sleeps until then."""
    begun = time.time_ns()
    times = [begun + 700_000_000, begun + 400_000_000, begun + 400_000_000]
    orders = [
        msgspec.structs.replace(
            order(101, Side.BUY, 100, 4_000_000, f"gtd{n}"), time_in_force=TimeInForce.GOOD_TILL_DATE, expire_time_ns=at
        )
        for n, at in enumerate(times)
    ]
    accepted = submit_and_wait(engine.data, "test", [encode_command(one) for one in orders], PATIENCE_S, source=11)
    eventually("all have expired", lambda: engine.status().open_orders == 0)
    own = [record for record in records_of(engine.data) if record.seq > accepted[-1].seq]
    assert [(r.source, r.source_seq, r.command) for r in own] == [(c.OPERATIONS, 0, c.AdvanceTime())] * len(own)
    expired = [(event.order_id, r.ts_ns) for r in own for event in r.events if isinstance(event, e.OrderExpired)]
    assert [order_id for order_id, _ in expired] == [accepted[n].seq for n in (1, 2, 0)]
    assert all(ts_ns >= times[n] for n, (_, ts_ns) in zip((1, 2, 0), expired, strict=True))
    assert len(own) == 2, "it looked at the clock when nothing was due"


@pytest.mark.req("ORD-09", "ORD-14")
def test_what_a_command_leaves_to_do_goes_on_by_itself_and_after_a_kill(engine: Engine) -> None:
    most = RULES[Parameter.OPEN_ORDERS_PER_SYMBOL_MAX].default
    submit_and_wait(engine.data, "test", [resting(n) for n in range(most)], PATIENCE_S, source=11)
    (record,) = submit_and_wait(engine.data, "test", [encode_command(c.MassCancel("all"))], PATIENCE_S, source=11)
    engine.end(signal.SIGKILL)
    done = record.events[-1]
    assert isinstance(done, e.MassCanceled) and done.request_seq == record.seq and not done.is_complete
    engine.start()
    eventually("all are canceled", lambda: engine.status().open_orders == 0)
    later = [one for one in records_of(engine.data) if one.seq > record.seq]
    assert {(one.source, one.source_seq, one.command) for one in later} == {(c.OPERATIONS, 0, c.AdvanceTime())}
    canceled = [
        event.order_id for one in (record, *later) for event in one.events if isinstance(event, e.OrderCanceled)
    ]
    assert len(canceled) == len(set(canceled)) == most
    assert e.MassCanceled(record.seq, most, True) in later[-1].events


@pytest.mark.req("REC-11", "REC-10", "ORD-19")
def test_stop_and_kill_restore_the_same_state(engine: Engine) -> None:
    submit_and_wait(engine.data, "test", [resting(n) for n in range(50)], PATIENCE_S, source=11)
    before = engine.status()
    assert before.open_orders == 50
    assert engine.end(signal.SIGTERM) == 0
    engine.start()
    stopped = engine.status()
    assert (stopped.seq, stopped.state_sha256) == (before.seq, before.state_sha256)
    submit_and_wait(engine.data, "test", [resting(n) for n in range(50, 60)], PATIENCE_S, source=11)
    before = engine.status()
    engine.end(signal.SIGKILL)
    engine.start()
    killed = engine.status()
    assert (killed.seq, killed.state_sha256) == (before.seq, before.state_sha256)
    assert killed.fencing == before.fencing + 1


@pytest.mark.req("REC-13")
def test_a_second_engine_on_the_directory_refuses(engine: Engine) -> None:
    second = subprocess.run(
        [sys.executable, "-m", "engine", "--data", str(engine.data)], capture_output=True, text=True, timeout=PATIENCE_S
    )
    assert second.returncode == 1
    assert "JournalLocked" in second.stderr
    assert engine.status().seq == len(REGISTRATIONS)


@pytest.mark.req("EVT-03", "SEQ-05", "EVT-10")
def test_a_follower_sees_every_record_once_over_restarts_and_files(engine: Engine) -> None:
    follower = Follower(engine.data, "test")
    seen = read_until(follower, len(REGISTRATIONS))
    for round_ in range(3):
        sent = [resting(round_ * 100 + n) for n in range(100)]
        last = submit_and_wait(engine.data, "test", sent, PATIENCE_S, source=11)[-1].seq
        engine.end(signal.SIGKILL)
        engine.start()
        seen += read_until(follower, last)
    assert seen == list(range(1, len(REGISTRATIONS) + 301))
    from_files = [r.seq for chunk in read_journal(engine.data / "journal", 5, 200) for r in decode_records(chunk)]
    assert from_files == list(range(5, 201))
    follower.close()


@pytest.mark.req("SEQ-05")
def test_reading_past_the_end_of_the_journal_is_refused(engine: Engine) -> None:
    follower = Follower(engine.data, "test", Cursor(len(REGISTRATIONS) + 1))
    with pytest.raises(CursorRefused, match="goes on after seq 13, but the journal ends at seq 12"):
        follower.read(1)
    with pytest.raises(LinkError, match="ends at seq"):
        list(read_journal(engine.data / "journal", 1, 1000))


@pytest.mark.req("ORD-19", "REC-32", "SVC-10")
def test_commands_survive_kills_of_the_engine_exactly_once(engine: Engine) -> None:
    """Submit through kills: every command becomes a record once, in the order it was submitted."""
    follower = Follower(engine.data, "test")
    link = CommandLink(engine.data, "test")
    accepted: list[str] = []
    submitted: list[str] = []

    def follow(until_empty: bool) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            records = decode_records(follower.read(0.05))
            link.observe(records)
            for record in records:
                if record.source == 11 and isinstance(record.events[0], e.OrderAccepted):
                    assert isinstance(record.command, c.NewOrder)
                    accepted.append(record.command.cl_ord_id)
            if not until_empty or not link.inflight:
                return

    for n in range(600):
        while True:
            try:
                link.submit(11, resting(n), n)
                link.flush()
                break
            except Overloaded:
                follow(False)
        submitted.append(f"o{n}")
        if n % 150 == 75:
            engine.end(signal.SIGKILL)
            engine.start()
        if n % 10 == 0:
            follow(False)
    follow(True)
    assert accepted == submitted
    link.close()
    follower.close()


@pytest.mark.req("ORD-19", "REC-32")
def test_a_link_that_breaks_again_before_its_follower_has_caught_up_loses_nothing(engine: Engine) -> None:
    follower = Follower(engine.data, "test")
    link = CommandLink(engine.data, "test")

    eventually("a link", lambda: link._connection is not None)
    engine.end(signal.SIGKILL)
    eventually("its end", lambda: link._connection is None)
    link.submit(11, resting(1))
    link.flush()
    engine.start()
    eventually("another link", lambda: link._resend_after is not None)
    engine.end(signal.SIGKILL)
    eventually("its end", lambda: link._connection is None)
    engine.start()
    eventually("another link", lambda: link._resend_after is not None)
    accepted = []
    while link.inflight:
        records = decode_records(follower.read(0.5))
        link.observe(records)
        accepted += [record for record in records if record.source == 11]
    assert len(accepted) == 1
    link.close()
    follower.close()


@pytest.mark.req("REC-32")
def test_an_engine_long_away_refuses_new_commands(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.client.submit.AWAY_S_MAX", 0.1)
    link = CommandLink(engine.data, "test")
    link.submit(11, resting(0))
    link.flush()
    engine.end(signal.SIGKILL)
    deadline = time.monotonic() + PATIENCE_S
    with pytest.raises(Overloaded, match="away"):
        for n in itertools.count(1):
            assert time.monotonic() < deadline
            link.submit(11, resting(n))
            select.select([], [], [], 0.02)
    link.close()


@pytest.mark.req("REC-22")
def test_commands_in_flight_are_bounded(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.client.submit.INFLIGHT_MAX", 5)
    link = CommandLink(engine.data, "test")
    for n in range(5):
        link.submit(11, resting(n))
    with pytest.raises(Overloaded):
        link.submit(11, resting(5))
    assert link.inflight == 5
    link.close()


@pytest.mark.req("REC-30", "SVC-16")
def test_what_is_no_greeting_or_no_frame_ends_its_link_and_nothing_else(engine: Engine) -> None:
    before = engine.status()
    assert engine.greet(b"GET / HTTP/1.1\r\n\r\n") == b""
    assert engine.greet((GREETING_BYTES_MAX + 1).to_bytes(4, "little")) == b""
    assert engine.greet(b"\x02\x00\x00\x00{}") == b""
    follow = engine.greet(encode_message(Hello("follow", "test", 10**9)))
    assert msgspec.json.decode(follow[4:], type=Welcome).refusal is Refusal.BEYOND_END
    hello = encode_message(Hello("submit", "hostile"))
    whole = encode_frame(11, 1, resting(0))
    for bad in (
        b"\xff" * 48,
        bytes(64),
        whole[:20] + b"\x01" + whole[21:],
        whole[:4] + bytes(4) + whole[8:],
        (1 << 31).to_bytes(4, "little") + whole[4:],
    ):
        assert engine.greet(hello + bad)
    control = encode_message(Hello("control", "test"))
    assert engine.greet(control + b"\x05\x00\x00\x00xxxxx")
    after = engine.status()
    assert (after.seq, after.state_sha256) == (before.seq, before.state_sha256)


@pytest.mark.req("EVT-10", "SVC-12")
def test_a_follower_that_does_not_read_is_cut_and_catches_up_from_file(engine: Engine) -> None:
    """Publish more than the engine holds in memory past a follower that reads nothing: it is dropped, and the engine
    serves on."""
    longest = bytes([255]) * COMMAND_BYTES_MAX
    hello = encode_message(Hello("follow", "asleep", 1))
    with socket.socket(socket.AF_UNIX) as asleep:
        asleep.connect(str(engine.data / "engine.sock"))
        asleep.sendall(hello)
        for _ in range(RING_BYTES_MAX // (1_000 * COMMAND_BYTES_MAX) + 1):
            last = submit_and_wait(engine.data, "test", [longest] * 1_000, PATIENCE_S, source=11)[-1].seq
        assert "follow:asleep" not in engine.status().links
    follower = Follower(engine.data, "asleep")
    seqs = read_until(follower, 1)
    assert not follower.connected, "it reads from the journal's files"
    assert seqs + read_until(follower, last) == list(range(1, last + 1))
    follower.close()


@pytest.mark.req("TBL-21", "ACC-10")
def test_balances_are_those_of_the_named_seq(engine: Engine) -> None:
    submit_and_wait(engine.data, "test", [resting(0)], PATIENCE_S, source=11)
    balances = msgspec.json.decode(ask(engine.data, ControlRequest("balances")), type=EngineBalances)
    assert balances.seq == len(REGISTRATIONS) + 1
    rows = {(row.account_id, row.asset_id): (int(row.available), int(row.locked)) for row in balances.rows}
    locked = 100 * (4_000_000 * 10 + 40_000)
    assert rows[101, 1] == (10**14 - locked, locked)


def test_the_socket_is_for_this_user_only(engine: Engine) -> None:
    assert (engine.data / "engine.sock").stat().st_mode & 0o777 == 0o600


@pytest.mark.req("SVC-16")
def test_links_that_do_not_greet_or_talk_out_of_turn_are_cut(engine: Engine) -> None:
    silent = [socket.socket(socket.AF_UNIX) for _ in range(LINKS_MAX)]
    for one in silent:
        one.connect(str(engine.data / "engine.sock"))
        one.send(b"\x01\x02\x03")
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            assert engine.status().seq == len(REGISTRATIONS)
            break
        except LinkError:
            assert time.monotonic() < deadline
    for one in silent:
        one.close()
    with contextlib.suppress(ConnectionResetError):  # a link that is not cut ends in a timeout
        engine.greet(encode_message(Hello("follow", "chatty", len(REGISTRATIONS) + 1)) + bytes(1000))
