"""``exchange market``: open, halt and close markets, set marks, trigger circuit breakers."""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum
from typing import Annotated, TypeVar

import typer

from engine.api import commands as c
from engine.api.enums import BreakerReason, SymbolStatus, VenueStatus
from engine.api.errors import UnitError
from engine.api.units import Ticks
from engine.api.wire import Record
from engine.standing import load
from ops.cli.screen import DEFAULT_DATA, DataOption, clear_faults, out
from ops.directory import journal_of
from ops.errors import Refused
from ops.steering import command_engine, instrument_of, registry_of
from ops.telling.chronicle import Chronicle
from ops.telling.events import describe_event
from ops.telling.times import iso_time
from ops.telling.words import words

SymbolArgument = Annotated[str, typer.Argument(metavar="SYMBOL", help="Such as BTC/USDT.")]

_Status = TypeVar("_Status", bound=IntEnum)


@clear_faults
def status(
    words_given: Annotated[
        list[str], typer.Argument(metavar="[SYMBOL] STATUS", help="A symbol and its status; with --venue a status.")
    ],
    venue: Annotated[bool, typer.Option("--venue", help="Set the whole exchange, not one symbol.")] = False,
    data: DataOption = DEFAULT_DATA,
) -> None:
    """Set a symbol, or with --venue the whole exchange, to open, halt, closed, cancel-only (a symbol also to
    pre-open, post-only). Opening a crossed book uncrosses it first. A circuit breaker outlasts it: see market list.
    """
    if len(words_given) != (1 if venue else 2):
        raise Refused("name SYMBOL and STATUS, or --venue and STATUS")
    if venue:
        wanted = _member(VenueStatus, words_given[0])
        return _report(data, command_engine(data, c.SetVenueStatus(wanted)), f"the exchange is {words(wanted.name)}")
    symbol_id = instrument_of(registry_of(data), words_given[0]).symbol_id
    command = c.SetSymbolStatus(symbol_id, _member(SymbolStatus, words_given[1]))
    record = command_engine(data, command)
    _report(data, record)
    market = load(journal_of(data).parent).markets.by_symbol[symbol_id]
    if command.status is SymbolStatus.OPEN and market.breaker_until_ns > record.ts_ns:
        out.print(f"its circuit breaker keeps new orders out until {iso_time(market.breaker_until_ns)}")
    return None


@clear_faults
def mark(
    symbol: SymbolArgument,
    price: Annotated[str, typer.Argument(metavar="PRICE", help="In units of the quote asset.")],
    data: DataOption = DEFAULT_DATA,
) -> None:
    """Set the mark price of a symbol. A move of more than 10 % within a minute triggers its circuit breaker."""
    instrument = instrument_of(registry_of(data), symbol)
    ticks = _read(lambda: instrument.price_to_ticks(price))
    _report(
        data,
        command_engine(data, c.SetMark(instrument.symbol_id, ticks)),
        f"the mark of {instrument.symbol} is {price}",
    )


@clear_faults
def breaker(symbol: SymbolArgument, data: DataOption = DEFAULT_DATA) -> None:
    """Keep new orders out of a symbol for 300 s, or for longer if it is so already. Nothing ends it earlier."""
    symbol_id = instrument_of(registry_of(data), symbol).symbol_id
    _report(data, command_engine(data, c.TriggerBreaker(symbol_id, BreakerReason.OPERATIONS)))


def _member(kind: type[_Status], text: str) -> _Status:
    name = text.upper().replace("-", "_").replace(" ", "_")
    if name not in kind.__members__:
        known = ", ".join(member.name.lower().replace("_", "-") for member in kind)
        raise Refused(f"{text} is no status; there are {known}")
    return kind[name]


def _read(convert: Callable[[], Ticks]) -> Ticks:
    try:
        return convert()
    except UnitError as error:
        raise Refused(str(error)) from error


def _report(data: DataOption, record: Record, done: str = "") -> None:
    """Say what was ``done`` and what it caused; orders and trades are counted, not told one by one."""
    if done:
        out.print(done, markup=False)
    chronicle = Chronicle(load(journal_of(data).parent))
    told = [event for event in record.events if not hasattr(event, "order_id") and not hasattr(event, "last_px")]
    for event in told:
        what = describe_event(event, record, chronicle)
        if what != "done":
            out.print(what, markup=False)
    others = len(record.events) - len(told)
    more = f", with {others} events of orders (exchange journal cat --from {record.seq})" if others else ""
    out.print(f"seq {record.seq}{more}", markup=False)
