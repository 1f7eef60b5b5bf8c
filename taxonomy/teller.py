"""Telling: every expanded event is made here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from engine.api.events import Event
from engine.api.ids import AccountId, OrderId, Seq, SymbolId
from engine.api.instrument import Instrument
from engine.api.units import TimestampNs
from engine.api.wire import Record
from taxonomy.envelope import (
    COMMAND,
    EVENT,
    SOURCE,
    VERSION,
    Envelope,
    Metadata,
    Payload,
    Value,
    envelope_id,
)
from taxonomy.errors import ExpansionError
from taxonomy.rebuilt import Order, Rebuilt


class Teller:
    """The events of the record in hand, and what is rebuilt from them.

    Times rise strictly: an event has the time of its compact event, or one nanosecond more than the expanded event
    before it where that is later. So they run ahead of the log only while more than one expanded event falls on
    each nanosecond, and fall back to it with the first pause.
    """

    def __init__(self) -> None:
        self.rebuilt = Rebuilt()
        self.sequence = 0
        self.timestamp = 0
        self._sequences: Counter[str] = Counter()
        self._told: list[Envelope] = []
        self._closed: list[str] = []
        self._correlation = ""
        self.seq = Seq(0)
        self.record_ts_ns = self.event_ts_ns = TimestampNs(0)
        self.cause = ""
        """The event that leads to what comes next: the command at first, then the order that was accepted, ..."""
        self.mover = ""
        """The last event that moved a price, or the command: what elects stops and moves pegs."""

    def begin(self, record: Record) -> None:
        """Take up a record."""
        self._told = []
        self.seq, self.record_ts_ns = record.seq, record.ts_ns
        self._correlation = self.cause = self.mover = envelope_id(record.ts_ns, record.seq, 0, COMMAND)

    def end(self) -> list[Envelope]:
        """Return all that was told of the record, and forget the orders that closed."""
        for order in self._closed:
            del self._sequences[f"order:{order}"]
        self._closed.clear()
        return self._told

    def close(self, order: Order) -> None:
        """Let an order go."""
        del self.rebuilt.orders[order.order_id]
        self.forget(order.text)

    def forget(self, order: str) -> None:
        """Forget the events of an order once the record ends: there will be no more."""
        self._closed.append(order)

    def tell(
        self,
        event_type: str,
        payload: Payload,
        cause: str = "",
        account: AccountId | None = None,
        order: str | None = None,
        position: str | None = None,
        symbol: str | None = None,
    ) -> str:
        """Add an event. Returns: its identifier, for those it leads to."""
        about = {"account": account, "order": order, "position": position, "symbol": symbol}
        self.sequence += 1
        self.timestamp = max(self.timestamp + 1, self.event_ts_ns)
        event_id = envelope_id(self.timestamp, self.seq, len(self._told), EVENT)
        metadata = Metadata(VERSION, self._correlation, cause or self.cause, self._count(about))
        self._told.append(Envelope(event_id, event_type, self.sequence, self.timestamp, SOURCE, payload, metadata))
        return event_id

    def tell_symbol(self, event_type: str, symbol_id: SymbolId, payload: Payload) -> str:
        """Add an event about a listed symbol. Returns: its identifier."""
        symbol = self.instrument(symbol_id).symbol
        return self.tell(event_type, {"symbol": symbol, **payload}, symbol=symbol)

    def _count(self, about: Mapping[str, int | str | None]) -> dict[str, int]:
        keys = [f"{kind}:{entity}" for kind, entity in about.items() if entity is not None]
        for key in keys:
            self._sequences[key] += 1
        return {key: self._sequences[key] for key in keys}

    def disagree(self, what: str) -> ExpansionError:
        """Say that the record does not follow from those before it."""
        return ExpansionError(self.seq, what)

    def unknown(self, event: Event) -> ExpansionError:
        """Say that an event is of a type the expansion does not know."""
        return ExpansionError(self.seq, f"{type(event).__name__} is no event this release can expand")

    # --- looking up

    def find(self, order_id: OrderId) -> Order:
        """Find an open order. Raises: ExpansionError."""
        order = self.rebuilt.orders.get(order_id)
        if order is None:
            raise self.disagree(f"order {order_id} is not open")
        return order

    def instrument(self, symbol_id: SymbolId) -> Instrument:
        """Find a listed instrument. Raises: ExpansionError."""
        instrument = self.rebuilt.instruments.get(symbol_id)
        if instrument is None:
            raise self.disagree(f"symbol {symbol_id} is not listed")
        return instrument

    def agree(self, what: str, told: Value, own: Value) -> None:
        """Check a figure the record tells against the fold's own. Raises: ExpansionError."""
        if told != own:
            raise self.disagree(f"{what} is {told} in the record and {own} by the records before it")
