"""The compiled core alone, and the plain-Python model beside it, on the same commands in the same run.

The load is seeded: of ten commands about five are orders that rest near the best price, two cross, and three
cancel an order entered shortly before. Frames are checked, records encoded and chained; nothing touches a disk.
"""

from __future__ import annotations

import random
import statistics
import time
from collections import Counter
from typing import Any

from engine.api import commands as c
from engine.api.enums import AccountKind, OrdType, SessionKind, Side, TimeInForce
from engine.api.limits import LINK_READ_BYTES
from engine.api.wire import decode_records, encode_command, encode_frame, split_frames
from engine.host.core import Core, Fault
from tests.model.exchange import Exchange
from tests.model.market import BTC, BTC_LISTING, BTC_USDT, OPENING, USDT
from tests.model.snapshot import digest

ROUNDS = 5
COMMANDS = 300_000
MODEL_COMMANDS = 10_000
ACCOUNTS = 200
FIRST_ACCOUNT, FIRST_SESSION = 1_001, 101
MID_TICKS = 5_000_000
NOW_NS = 1_750_000_000_000_000_000


def run() -> dict[str, Any]:
    """Measure, median of ROUNDS. Units: per second, of one processor core."""
    opening, load = opening_frames(), load_frames()
    applied, replayed, model = [], [], []
    for _ in range(ROUNDS):
        core, records, seconds = apply(opening, load)
        applied.append(seconds)
        replayed.append(replay(records))
        model.append(apply_model(opening, load))
    commands = COMMANDS / statistics.median(applied)
    modelled = MODEL_COMMANDS / statistics.median(model)
    return {
        "rounds": ROUNDS,
        "commands": COMMANDS,
        "events_of_last_10000_commands": dict(event_counts(records)),
        "open_orders_at_end": core.open_orders,
        "apply_commands_per_s": round(commands),
        "apply_ns_per_command": round(1e9 / commands),
        "replay_commands_per_s": round((len(opening) + COMMANDS) / statistics.median(replayed)),
        "model_commands_per_s": round(modelled),
        "times_the_model": round(commands / modelled),
    }


def opening_frames() -> list[bytes]:
    """Register the traders: every account has a session of its own and plenty to trade with."""
    commands: list[c.Command] = [*OPENING[:10], c.ListInstrument(BTC_LISTING)]
    for n in range(ACCOUNTS):
        account = FIRST_ACCOUNT + n
        commands += [
            c.OpenAccount(account, 1, AccountKind.SPOT, f"ACCOUNT-{n}"),
            c.RegisterSession(FIRST_SESSION + n, 1, SessionKind.ORDER_ENTRY, f"SESSION-{n}"),
            c.Deposit(account, USDT, 10**22, f"usdt:{n}"),
            c.Deposit(account, BTC, 10**22, f"btc:{n}"),
        ]
    return [encode_frame(0, n, encode_command(command)) for n, command in enumerate(commands, 1)]


def load_frames() -> list[bytes]:
    """Draw the load; order ids are foreseeable, but cancels name orders by ClOrdID, the dearer way."""
    draw = random.Random(20_250_601)
    frames: list[bytes] = []
    entered: list[tuple[int, str]] = []
    for n in range(COMMANDS):
        trader, kind = draw.randrange(ACCOUNTS), draw.random()
        if kind < 0.3 and entered:
            trader, name = entered.pop(draw.randrange(max(0, len(entered) - 500), len(entered)))
            command: c.Command = c.CancelOrder(f"cancel-{n}", name)
        else:
            side = draw.choice((Side.BUY, Side.SELL))
            away = -draw.randrange(1, 20) if kind > 0.8 else draw.randrange(1, 200)
            price = MID_TICKS - away if side is Side.BUY else MID_TICKS + away
            name, qty = f"order-{n}", draw.randrange(100, 10_000)
            gtc = TimeInForce.GOOD_TILL_CANCEL
            command = c.NewOrder(FIRST_ACCOUNT + trader, BTC_USDT, side, OrdType.LIMIT, gtc, qty, price, name)
            entered.append((trader, name))
        frames.append(encode_frame(FIRST_SESSION + trader, n, encode_command(command)))
    return frames


def apply(opening: list[bytes], load: list[bytes]) -> tuple[Core, bytes, float]:
    """Apply the load as it would come from a link, and return the core, all records and the seconds."""
    core = Core()
    parts = [core.apply(NOW_NS, b"".join(opening)).records]
    stream = memoryview(b"".join(load))
    begun, at = time.perf_counter(), 0
    while at < len(stream):
        applied = core.apply(NOW_NS, stream[at : at + LINK_READ_BYTES])
        assert applied.fault is Fault.NONE and applied.consumed
        parts.append(applied.records)
        at += applied.consumed
    seconds = time.perf_counter() - begun
    core.check()
    return core, b"".join(parts), seconds


def replay(records: bytes) -> float:
    """Replay all records on an empty core and return the seconds."""
    core = Core()
    begun = time.perf_counter()
    progress = core.replay(records)
    seconds = time.perf_counter() - begun
    assert progress.consumed == len(records)
    return seconds


def apply_model(opening: list[bytes], load: list[bytes]) -> float:
    """Apply the head of the load to the model, and return the seconds; its state must be the core's."""
    model, core = Exchange(), Core()
    for batch_index, raw in enumerate(opening):
        model.apply(NOW_NS, raw, batch_index)
    begun = time.perf_counter()
    for batch_index, raw in enumerate(load[:MODEL_COMMANDS]):
        model.apply(NOW_NS, raw, batch_index)
    seconds = time.perf_counter() - begun
    core.apply(NOW_NS, b"".join(opening))
    core.apply(NOW_NS, b"".join(load[:MODEL_COMMANDS]))
    assert core.digest() == digest(model)
    return seconds


def event_counts(records: bytes) -> Counter[str]:
    """Count the events of the last MODEL_COMMANDS records by type."""
    spans, _ = split_frames(records)
    last = decode_records(records[spans[-MODEL_COMMANDS][0] :])
    return Counter(type(event).__name__ for record in last for event in record.events)
