"""A script in which every command and every event occurs, and its records written out for people to read.

``python -m tests.golden.language`` writes ``language.txt`` anew: only when the language or a rule was meant to change.
"""

from __future__ import annotations

import hashlib
from enum import Enum
from pathlib import Path

import msgspec

from engine.api import commands as c
from engine.api import events as e
from engine.api.enums import (
    AccountKind,
    AccountStatus,
    BreakerReason,
    ExecInst,
    MarginMode,
    MarginState,
    Peg,
    SelfTrade,
    Side,
    SymbolStatus,
    Trigger,
    VenueStatus,
)
from engine.api.messages.declare import COMMANDS, EVENTS
from engine.api.parameters import MarginBracket, Parameter
from engine.api.rejects import ErrorCode
from engine.api.wire import HEADER_BYTES, decode_records, encode_command, encode_event, encode_frame, split_frames
from tests.model.market import (
    ALPHA,
    ALPHA_F,
    ALPHA_M,
    ALPHA_OE,
    BRAVO,
    BRAVO_F,
    BRAVO_OE,
    BTC_PERP,
    BTC_PERP_LISTING,
    BTC_PNL,
    BTC_USDT,
    BUY,
    CHARLIE,
    CHARLIE_F,
    CHARLIE_OE,
    ETH_PRO,
    ETH_PRO_LISTING,
    FEES,
    GTC,
    GTD,
    IOC,
    LENDER,
    LIMIT,
    MARKET,
    NOW_NS,
    OPENING,
    PEGGED,
    SELL,
    STOP,
    STOP_LIMIT,
    USDT,
)

FILE = Path(__file__).with_suffix(".txt")
SECOND_NS = 10**9
UNIT = 10**8
LOT = 20_000

Sent = tuple[int, int, c.Command | bytes]
"""Nanoseconds that pass before, who sends, and what."""


def order(source: int, account: int, side: Side, qty: int, price: int, name: str, **terms: object) -> Sent:
    """A limit order in BTC/USDT, unless the terms say otherwise."""
    new = c.NewOrder(account, BTC_USDT, side, LIMIT, GTC, qty, price, name)
    return 0, source, msgspec.structs.replace(new, **terms)


def alpha(side: Side, qty: int, price: int, name: str, **terms: object) -> Sent:
    return order(ALPHA_OE, ALPHA, side, qty, price, name, **terms)


def bravo(side: Side, qty: int, price: int, name: str, **terms: object) -> Sent:
    return order(BRAVO_OE, BRAVO, side, qty, price, name, **terms)


def charlie(side: Side, qty: int, price: int, name: str, **terms: object) -> Sent:
    return order(CHARLIE_OE, CHARLIE, side, qty, price, name, **terms)


def operations(*commands: c.Command, wait_ns: int = 0) -> list[Sent]:
    return [(wait_ns, c.OPERATIONS, command) for command in commands]


REGISTRATION = operations(
    *OPENING,
    c.OpenAccount(LENDER, 0, AccountKind.SYSTEM, "LENDER"),
    c.OpenAccount(BTC_PNL, 0, AccountKind.CLEARING_PNL, "BTC-PERP-PNL"),
    c.OpenAccount(ALPHA_F, 1, AccountKind.FUTURES, "ALPHA-F"),
    c.OpenAccount(BRAVO_F, 2, AccountKind.FUTURES, "BRAVO-F"),
    c.OpenAccount(ALPHA_M, 1, AccountKind.MARGIN, "ALPHA-M"),
    c.ListInstrument(ETH_PRO_LISTING),
    c.ListInstrument(BTC_PERP_LISTING),
    c.ChangeInstrument(msgspec.structs.replace(BTC_PERP_LISTING, band_ppm=200_000)),
    c.Deposit(LENDER, USDT, 10**6 * UNIT, "lending"),
    c.Deposit(ALPHA_F, USDT, 1_000 * UNIT, "alpha-f"),
    c.Deposit(BRAVO_F, USDT, 5_000 * UNIT, "bravo-f"),
    c.SetCollateral(USDT, 1_000_000, LENDER),
    c.SetAccountLimits(ALPHA_F, 4, 100, 10**6 * UNIT),
    c.Transfer(ALPHA, ALPHA_M, USDT, 30 * UNIT),
    c.SetMark(BTC_USDT, 10_000),
    c.SetMark(BTC_PERP, 10_000),
)

SPOT: list[Sent] = [
    alpha(SELL, LOT, 10_000, "iceberg", max_floor=10_000, text="desk 7"),
    bravo(BUY, 15_000, 10_000, "taker"),
    bravo(BUY, 2 * LOT, 9_990, "stay", time_in_force=GTD, expire_time_ns=NOW_NS + 5 * SECOND_NS),
    charlie(BUY, LOT, 9_995, "peg", ord_type=PEGGED, peg=Peg.PRIMARY, peg_offset=1),
    charlie(SELL, LOT, 0, "stop", ord_type=STOP, stop_px=9_995),
    charlie(BUY, LOT, 9_990, "slide", exec_inst=ExecInst.POST_ONLY | ExecInst.SLIDE),
    charlie(BUY, LOT, 10_000, "slid", exec_inst=ExecInst.POST_ONLY | ExecInst.SLIDE, stp_group=7),
    alpha(SELL, 2 * LOT, 0, "sweep", ord_type=MARKET, time_in_force=IOC, min_qty=1, stp=SelfTrade.RESTING),
    bravo(BUY, 2 * LOT, 10_000, "decrement 1"),
    bravo(SELL, LOT, 10_000, "decrement 2", stp=SelfTrade.DECREMENT),
    bravo(SELL, LOT, 11_000, "nobody buys", time_in_force=IOC),
    alpha(BUY, LOT, 20_000, "too dear"),
    (0, BRAVO_OE, c.ReplaceOrder("replaced", 3 * LOT, 9_999, "decrement 1", time_in_force=GTC, max_floor=LOT)),
    (0, BRAVO_OE, c.ReplaceOrder("not replaced", LOT, 0, "nobody")),
    (0, BRAVO_OE, c.CancelOrder("cancel", "replaced", account_id=BRAVO, symbol_id=BTC_USDT, side=BUY)),
    (0, BRAVO_OE, c.CancelOrder("cancel", "replaced", poss_resend=True)),
    (0, BRAVO_OE, c.CancelOrder("late", "replaced")),
    (0, BRAVO_OE, c.RequestOrderStatus("replaced", ord_status_req_id="r1")),
    (0, ALPHA_OE, c.RefuseOrder(ALPHA, 49, 50, 49, 1007, 44, "refused", "BTC/USDT", "1", "0.001", "t")),
    (0, ALPHA_OE, b"\x10\x01 not an order"),
    order(ALPHA_OE, ALPHA_M, BUY, 50_000, 9_000, "borrow"),
    (0, ALPHA_OE, c.CancelOrder("repay", "borrow")),
]

MARKETS: list[Sent] = [
    *operations(c.SetVenueStatus(VenueStatus.CANCEL_ONLY), c.SetVenueStatus(VenueStatus.OPEN)),
    *operations(c.SetSymbolStatus(BTC_USDT, SymbolStatus.PRE_OPEN)),
    alpha(SELL, LOT, 9_950, "auction sell", stp=SelfTrade.BOTH),
    bravo(BUY, 3 * LOT, 10_050, "auction buy"),
    *operations(c.SetSymbolStatus(BTC_USDT, SymbolStatus.OPEN)),
    *operations(
        c.SetParameter(Parameter.BREAKER_NS, ETH_PRO, 200 * SECOND_NS, 0),
        c.SetMarginBrackets(BTC_PERP, (MarginBracket(10**6, 125, 4_000), MarginBracket(0, 100, 10_000)), 0),
        c.SetFeeRates(ALPHA, BTC_USDT, -50, 400, NOW_NS + 200 * SECOND_NS),
    ),
    *operations(c.TriggerBreaker(ETH_PRO, BreakerReason.OPERATIONS)),
    *operations(c.SetMark(BTC_USDT, 11_001), wait_ns=SECOND_NS),
    *operations(c.AdvanceTime(), wait_ns=400 * SECOND_NS),
    (0, BRAVO_OE, c.MassCancel("mass", symbol_id=BTC_USDT, account_id=BRAVO, side=BUY, kill=True)),
    (0, BRAVO_OE, c.MassCancel("not mass", symbol_id=999)),
    (0, BRAVO_OE, c.SetKillSwitch(BRAVO_OE, False)),
]


def future(account: int, side: Side, qty: int, price: int, name: str, **terms: object) -> Sent:
    source = ALPHA_OE if account == ALPHA_F else BRAVO_OE
    return order(source, account, side, qty, price, name, symbol_id=BTC_PERP, **terms)


PERPETUALS: list[Sent] = [
    (0, ALPHA_OE, c.SetLeverage(ALPHA_F, BTC_PERP, 50, MarginMode.ISOLATED)),
    future(BRAVO_F, SELL, 5_000, 10_000, "short"),
    future(ALPHA_F, BUY, 5_000, 10_000, "long"),
    (0, ALPHA_OE, c.AdjustMargin(ALPHA_F, BTC_PERP, UNIT)),
    future(
        ALPHA_F,
        SELL,
        9_000,
        9_000,
        "stop-limit",
        ord_type=STOP_LIMIT,
        stop_px=9_100,
        trigger=Trigger.MARK,
        exec_inst=ExecInst.REDUCE_ONLY,
    ),
    *operations(c.SetMark(BTC_PERP, 9_000), wait_ns=SECOND_NS),
    *operations(c.AdvanceTime(), wait_ns=400 * SECOND_NS),
    future(BRAVO_F, BUY, 5_000, 9_000, "cover"),
    *operations(c.CoverDebt(LENDER, ALPHA_F, BTC_PERP, 7), c.SetMarginState(ALPHA_F, MarginState.LIQUIDATED)),
]

DEBTS: list[Sent] = [
    *operations(
        c.OpenAccount(CHARLIE_F, 3, AccountKind.FUTURES, "CHARLIE-F"),
        c.Deposit(CHARLIE_F, USDT, 30 * UNIT, "charlie-f"),
        c.SetLeverage(CHARLIE_F, BTC_PERP, 20, MarginMode.CROSS),
    ),
    future(BRAVO_F, SELL, 500, 9_000, "sell to lose"),
    order(c.OPERATIONS, CHARLIE_F, BUY, 500, 9_000, "long", symbol_id=BTC_PERP),
    *operations(c.SetMark(BTC_PERP, 8_200), wait_ns=100 * SECOND_NS),
    future(BRAVO_F, BUY, 500, 8_200, "buy from a loser"),
    order(c.OPERATIONS, CHARLIE_F, SELL, 500, 8_200, "lose", symbol_id=BTC_PERP, exec_inst=ExecInst.REDUCE_ONLY),
    *operations(c.Deposit(CHARLIE_F, USDT, 3 * UNIT, "pays"), c.Transfer(CHARLIE_F, ALPHA_F, USDT, 1)),
]

LONG_WORK: list[Sent] = [
    bravo(SELL, 6_000, 10_000, "many tranches", symbol_id=ETH_PRO, max_floor=46),
    alpha(BUY, 6_000, 0, "long stop", symbol_id=ETH_PRO, ord_type=STOP, stop_px=9_900, trigger=Trigger.MARK),
    *operations(c.SetMark(ETH_PRO, 10_000), c.AdvanceTime()),
]

THE_END: list[Sent] = [
    *operations(c.SetAccountStatus(CHARLIE, AccountStatus.SUSPENDED)),
    charlie(BUY, LOT, 10_000, "suspended"),
    *operations(c.SetAccountStatus(CHARLIE, AccountStatus.ACTIVE)),
    *operations(c.MassCancel("all", firm_id=3, code=ErrorCode.OPERATIONS)),
    alpha(BUY, 100, 10_000, "delisted", symbol_id=ETH_PRO),
    *operations(c.DelistInstrument(ETH_PRO), c.Transfer(FEES, FEES, USDT, 1)),
]

SCRIPT = [*REGISTRATION, *SPOT, *MARKETS, *PERPETUALS, *DEBTS, *LONG_WORK, *THE_END]


def frames() -> list[tuple[int, bytes]]:
    """The script as frames, each with the time it is stamped at, at the earliest."""
    sent, now_ns = [], NOW_NS
    for n, (wait_ns, source, command) in enumerate(SCRIPT, 1):
        now_ns += wait_ns
        sent.append(
            (now_ns, encode_frame(source, n, command if isinstance(command, bytes) else encode_command(command)))
        )
    return sent


# --- the records, written out -------------------------------------------------------------------------------


def listing(records: bytes) -> str:
    """Write out records: for each its header, its command and its events, as bytes and as what they mean."""
    spans, _ = split_frames(records)
    lines = []
    for record, (start, _) in zip(decode_records(records), spans, strict=True):
        head = records[start : start + HEADER_BYTES]
        lines.append(f"record {record.seq} of source {record.source} at {record.ts_ns}  {head.hex()}")
        is_noise = isinstance(record.command, c.Malformed)
        raw = record.command.raw if isinstance(record.command, c.Malformed) else encode_command(record.command)
        kind = "no command" if is_noise else COMMANDS[raw[0]].layout.name
        lines += [f"  {kind}  {raw.hex()}", f"    {meaning(record.command)}"]
        for event in record.events:
            raw = encode_event(event)
            lines += [f"  -> {EVENTS[raw[2]].layout.name}  {raw.hex()}", f"     {meaning(event)}"]
    lines.append(f"sha256 of all records  {hashlib.sha256(records).hexdigest()}")
    return "\n".join(lines) + "\n"


def meaning(message: c.Command | e.Event | msgspec.Struct) -> str:
    """The fields of a message that say something."""
    fields = [(name, getattr(message, name)) for name in message.__struct_fields__]
    return ", ".join(f"{name} {written(value)}" for name, value in fields if value or value is False) or "-"


def written(value: object) -> str:
    if isinstance(value, msgspec.Struct) and not hasattr(value, "mantissa"):
        return f"({meaning(value)})"
    if isinstance(value, bytes):
        return value.hex()
    return str(value.name) if isinstance(value, Enum) and value.name else str(value)


def of_core() -> bytes:
    """What the core records of the script."""
    from engine.host.core import Core

    core = Core()
    return b"".join(core.apply(now_ns, frame).records for now_ns, frame in frames())


if __name__ == "__main__":
    FILE.write_text(listing(of_core()), encoding="ascii")
