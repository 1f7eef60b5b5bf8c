"""The markets as they stand, folded from the log: status, mark, last price and circuit breaker of each."""

from __future__ import annotations

from dataclasses import dataclass

from engine.api import commands as c
from engine.api import events as e
from engine.api.enums import SymbolStatus, VenueStatus
from engine.api.ids import SymbolId
from engine.api.units import Ticks
from engine.api.wire import Record

NO_PRICE = Ticks(0)
"""A mark that was not set, a market in which nothing has traded."""


@dataclass(slots=True)
class Market:
    """One market. Units: prices ticks, 0 for none; ``breaker_until_ns`` 0 while no breaker is active."""

    status: SymbolStatus = SymbolStatus.OPEN
    is_delisted: bool = False
    mark: Ticks = NO_PRICE
    last_px: Ticks = NO_PRICE
    breaker_until_ns: int = 0


class Markets:
    """How the venue and each market stand."""

    def __init__(self) -> None:
        self.venue = VenueStatus.OPEN
        self.by_symbol: dict[SymbolId, Market] = {}

    def apply(self, record: Record, event: e.Event) -> None:
        """Take over what an event says about the markets."""
        match event:
            case e.Traded():
                self.by_symbol[event.symbol_id].last_px = event.last_px
            case e.SymbolStatusSet():
                self.by_symbol[event.symbol_id].status = event.status
            case e.BreakerTriggered():
                self.by_symbol[event.symbol_id].breaker_until_ns = event.until_ns
            case e.BreakerReleased():
                self.by_symbol[event.symbol_id].breaker_until_ns = 0
            case _:
                self._operated(record.command, event)

    def _operated(self, command: c.Command, event: e.Event) -> None:
        match event:
            case e.InstrumentListed() if isinstance(command, c.ListInstrument):
                self.by_symbol[command.instrument.symbol_id] = Market()
            case e.InstrumentDelisted() if isinstance(command, c.DelistInstrument):
                self.by_symbol[command.symbol_id].is_delisted = True
            case e.MarkSet() if isinstance(command, c.SetMark):
                self.by_symbol[command.symbol_id].mark = command.price
            case e.VenueStatusSet() if isinstance(command, c.SetVenueStatus):
                self.venue = command.status
            case _:
                pass
