"""The markets as the log left them: status, mark, last price and circuit breaker of each."""

from __future__ import annotations

from dataclasses import dataclass

from engine.api import commands as c
from engine.api import events as e
from engine.api.enums import SymbolStatus, VenueStatus
from engine.api.ids import SymbolId
from engine.api.units import Ticks, TimestampNs
from engine.api.wire import Record
from ops.telling.chronicle import Chronicle


@dataclass(slots=True)
class MarketState:
    """One market. Units: prices ticks."""

    status: SymbolStatus = SymbolStatus.OPEN
    is_delisted: bool = False
    mark: Ticks | None = None
    last_px: Ticks | None = None
    breaker_until_ns: TimestampNs | None = None


class Board(Chronicle):
    """A chronicle that also remembers how the venue and each market stand."""

    def __init__(self) -> None:
        super().__init__()
        self.venue = VenueStatus.OPEN
        self.markets: dict[SymbolId, MarketState] = {}

    def apply(self, record: Record) -> None:
        """Take over what a record says about the markets."""
        super().apply(record)
        command = record.command
        for event in record.events:
            match event:
                case e.InstrumentListed() if isinstance(command, c.ListInstrument):
                    self.markets[command.instrument.symbol_id] = MarketState()
                case e.InstrumentDelisted() if isinstance(command, c.DelistInstrument):
                    self.markets[command.symbol_id].is_delisted = True
                case e.MarkSet() if isinstance(command, c.SetMark):
                    self.markets[command.symbol_id].mark = command.price
                case e.VenueStatusSet() if isinstance(command, c.SetVenueStatus):
                    self.venue = command.status
                case e.Traded():
                    self.markets[event.symbol_id].last_px = event.last_px
                case e.SymbolStatusSet():
                    self.markets[event.symbol_id].status = event.status
                case e.BreakerTriggered():
                    self.markets[event.symbol_id].breaker_until_ns = event.until_ns
                case e.BreakerReleased():
                    self.markets[event.symbol_id].breaker_until_ns = None
                case _:
                    pass
