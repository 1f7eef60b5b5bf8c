"""The events of markets: marks, breakers, auctions, and how symbols and the venue stand."""

from __future__ import annotations

from engine.api import commands as c
from engine.api import events as e
from engine.api.units import format_minor
from engine.api.wire import Record
from taxonomy.envelope import Payload
from taxonomy.teller import Teller


class Markets:
    """Expansion of the events about markets."""

    def __init__(self, teller: Teller) -> None:
        self._teller = teller
        self._rebuilt = teller.rebuilt

    def mark_set(self, record: Record) -> None:
        """MarkPriceUpdated; index and funding are not known here."""
        command = record.command
        assert isinstance(command, c.SetMark)
        self._rebuilt.marks[command.symbol_id] = command.price
        price = self._teller.instrument(command.symbol_id).format_price(command.price)
        payload: Payload = {"mark_price": price, "index_price": None, "funding_rate": None}
        self._teller.mover = self._teller.tell_symbol("MarkPriceUpdated", command.symbol_id, payload)

    def breaker_triggered(self, event: e.BreakerTriggered) -> None:
        """CircuitBreakerTriggered; ``duration`` is in seconds."""
        from_now = format_minor(event.until_ns - self._teller.record_ts_ns, 9)
        payload: Payload = {
            "reason": event.reason.name,
            "price_change": format_minor(event.change_ppm, 6),
            "duration": from_now,
            "until": event.until_ns,
        }
        self._teller.tell_symbol("CircuitBreakerTriggered", event.symbol_id, payload)

    def breaker_released(self, event: e.BreakerReleased) -> None:
        """CircuitBreakerReleased."""
        self._teller.tell_symbol("CircuitBreakerReleased", event.symbol_id, {})

    def uncrossed(self, event: e.Uncrossed) -> None:
        """AuctionUncrossed; its trades follow from it."""
        i = self._teller.instrument(event.symbol_id)
        payload: Payload = {"price": i.format_price(event.price), "volume": i.format_qty(event.volume)}
        self._teller.cause = self._teller.tell_symbol("AuctionUncrossed", event.symbol_id, payload)

    def symbol_status_set(self, event: e.SymbolStatusSet) -> None:
        """SymbolStatusChanged."""
        self._teller.tell_symbol("SymbolStatusChanged", event.symbol_id, {"status": event.status.name})

    def venue_status_set(self, record: Record) -> None:
        """VenueStatusChanged."""
        assert isinstance(record.command, c.SetVenueStatus)
        self._teller.tell("VenueStatusChanged", {"status": record.command.status.name})

    def parameter_set(self, record: Record, event: e.ParameterSet) -> None:
        """ParameterSet; ``rule`` is the command that sets it, in force from ``effective_time`` on."""
        payload: Payload = {
            "rule": type(record.command).__name__,
            "version": str(event.version),
            "effective_time": event.effective_ns,
        }
        self._teller.tell("ParameterSet", payload)

    def parameter_took_effect(self, event: e.ParameterTookEffect) -> None:
        """ParameterTookEffect: the time of the rule with this version has come."""
        self._teller.tell("ParameterTookEffect", {"version": str(event.version)})
