"""``kill -9`` of every process in turn, under load, and then the one oracle: nothing acknowledged is gone.

Six FIX sessions are on: three members trading, each with its drop copy. ``CHAOS_ROUNDS`` sets the number of
kills (20 by default).
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import msgspec
import pytest

from engine.api import commands as c
from engine.api import events as e
from engine.api.ids import order_id_text, parse_order_id
from engine.api.wire import Record, decode_records
from engine.client import read_journal
from tests.chaos.member import Listener, Member
from tests.patience import PATIENCE_S, eventually
from tests.ports import port_block

ROUNDS = int(os.environ.get("CHAOS_ROUNDS", "20"))
VICTIMS = ("engine", "fixgw-order-entry", "clearing", "postgres", "fixgw-drop-copy")
FIRMS = ("ALPHA", "BRAVO", "MMONE")


class Exchange:
    """``exchange run`` as a process."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.port = port_block()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "ops", "run", "--data", str(data), "--port-base", str(self.port)],
            stdout=(data.parent / "out").open("wb"),
            stderr=subprocess.STDOUT,
        )
        eventually("the exchange", lambda: b"\nready" in (data.parent / "out").read_bytes())

    def pids(self) -> dict[str, int]:
        found: dict[str, int] = msgspec.json.decode((self.data / "exchange.json").read_bytes())["pids"]
        return found

    def kill(self, victim: str) -> None:
        """Kill a process and wait until the supervisor has put another in its place."""
        old = self.pids()[victim]
        os.kill(old, signal.SIGKILL)
        eventually(f"another {victim}", lambda: self.pids().get(victim, old) != old)

    def reconcile(self) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "ops", "reconcile", "--data", str(self.data)]
        return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S)

    def journal(self) -> list[Record]:
        return [r for chunk in read_journal(self.data / "journal") for r in decode_records(chunk)]

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(PATIENCE_S) == 0


@pytest.fixture
def exchange(tmp_path: Path) -> Iterator[Exchange]:
    exchange = Exchange(tmp_path / "var")
    yield exchange
    if exchange.process.poll() is None:
        exchange.stop()


@pytest.mark.req("REC-02", "REC-10", "REC-11", "REC-12", "FRZ-03", "ORD-19", "TRD-20", "SEQ-09", "REC-14")
def test_nothing_acknowledged_is_lost_whatever_is_killed(exchange: Exchange) -> None:
    port = exchange.port
    members = [Member(port, firm, "EXCH-OE", f"dev-{firm.lower()}", 60, n) for n, firm in enumerate(FIRMS)]
    listeners = [Listener(port + 1, f"{firm}-DC", "EXCH-DC", f"dev-{firm.lower()}-dc") for firm in FIRMS]
    for one in (*members, *listeners):
        one.start()
    eventually("every logon", lambda: all(one.logons for one in (*members, *listeners)))
    for round_ in range(ROUNDS):
        wanted = [len(member.exec_ids) + 10 for member in members]
        exchange.kill(VICTIMS[round_ % len(VICTIMS)])
        eventually(f"answers after round {round_}", partial(have_answers, members, wanted))
    for member in members:
        member.settle()
    eventually("an answer to everything", lambda: not any(member.unanswered for member in members))
    eventually("every drop copy", lambda: missing_copies(members, listeners) == 0)
    for one in (*members, *listeners):
        one.stop()
    records = exchange.journal()
    problems = [fault for one in (*members, *listeners) for fault in one.faults]
    for member in members:
        problems += compare(member, records)
    green = exchange.reconcile()
    counts = {one.comp_id: (one.logons, len(one.acknowledged), len(one.exec_ids), one.copies) for one in members}
    print(f"{ROUNDS} kills; (logons, acknowledged, ExecIDs, marked copies) {counts}; {len(records)} records")
    assert problems == []
    assert green.returncode == 0, green.stdout + green.stderr


def have_answers(members: list[Member], wanted: list[int]) -> bool:
    """Tell whether each member has had as many reports as wanted."""
    return all(len(member.exec_ids) >= count for member, count in zip(members, wanted, strict=True))


def missing_copies(members: list[Member], listeners: list[Listener]) -> int:
    """Count reports that order entry had and drop copy has not."""
    return sum(len(m.exec_ids.keys() - d.exec_ids.keys()) for m, d in zip(members, listeners, strict=True))


def compare(member: Member, records: list[Record]) -> list[str]:
    """Hold a member's memory against the journal: what is acknowledged is there, and stands as it was told."""
    session = next(
        r.command.session_id
        for r in records
        if isinstance(r.command, c.RegisterSession) and r.command.comp_id == member.comp_id
    )
    accepted: dict[str, str] = {}
    status: dict[int, str] = {}
    for record in records:
        for event in record.events:
            fold(event, status)
            if isinstance(event, e.OrderAccepted) and record.source == session:
                assert isinstance(record.command, c.NewOrder)
                accepted[record.command.cl_ord_id] = order_id_text(record.seq, record.ts_ns)
    mine = {text: status[parse_order_id(text)] for text in accepted.values()}
    problems = [
        f"{member.comp_id}: {cl_ord_id} was acknowledged as {order_id} and is not in the journal"
        for cl_ord_id, order_id in member.acknowledged.items()
        if order_id not in mine
    ]
    problems += [
        f"{member.comp_id}: order {order_id} is {mine[order_id]} in the journal and {told} to the member"
        for order_id, told in member.ord_status.items()
        if order_id in mine and mine[order_id] != told
    ]
    missing = accepted.keys() - member.acknowledged.keys()
    problems += [f"{member.comp_id}: {len(missing)} accepted orders were never reported"] if missing else []
    return problems


def fold(event: e.Event, status: dict[int, str]) -> None:
    """Keep OrdStatus <39> of each order."""
    match event:
        case e.OrderAccepted():
            status[event.order_id] = "0"
        case e.Traded():
            status[event.taker_order_id] = "1" if event.taker_leaves else "2"
            status[event.maker_order_id] = "1" if event.maker_leaves else "2"
        case e.OrderCanceled():
            status[event.order_id] = "4"
        case e.OrderExpired():
            status[event.order_id] = "C"
