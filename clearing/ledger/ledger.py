"""Which event of a record goes where.

The ledger holds what events do not repeat (scales of assets, terms of instruments and open orders, positions, loans)
and nothing else. Each event is recalculated before it is booked; where the engine says otherwise, nothing is booked.
"""

from __future__ import annotations

from typing import Never

from clearing.errors import UnknownEvent
from clearing.ledger.entries import Entry
from clearing.ledger.matches import Matches
from clearing.ledger.money import Money
from clearing.ledger.orders import Orders
from clearing.ledger.positions import Positions
from clearing.ledger.registrations import Registrations
from clearing.ledger.state import Books, LedgerState
from engine.api import events as e
from engine.api.wire import Record


class Ledger:
    """Turn records into entries, in the order of the log.

    Invariant: after a fault the ledger is not to be used again; a new one is made from the books.
    """

    def __init__(self, books: Books) -> None:
        self.state = state = LedgerState(books)
        self._registrations = Registrations(state)
        self._money = Money(state)
        self._orders = Orders(state)
        self._positions = Positions(state)
        self._matches = Matches(state, self._orders, self._positions)

    def post(self, record: Record) -> Entry:
        """Work out what a record means to the books.

        Raises: Disagreement, naming the seq, when an event differs from clearing's own calculation; UnknownEvent
        when it is of a type that this release cannot book.
        """
        # The scales before the record: a change of steps finds no open order and no position that would need the new.
        entry = Entry(record.seq, record.ts_ns, scales=self.state.scales)
        self.state.fee_rules.settle(record.ts_ns)
        for index, event in enumerate(record.events):
            self._book(record, index, event, entry)
        self._positions.check_nothing_due(record.seq)
        return entry

    def _book(self, record: Record, index: int, event: e.Event, entry: Entry) -> None:
        """Book an event, or know that it moves nothing: none is passed over. The frequent ones come first."""
        match event:
            case e.OrderAccepted():
                self._orders.accepted(record, index, event, entry)
            case e.Traded():
                self._matches.traded(record, index, event, entry)
            case e.OrderCanceled() | e.OrderExpired():
                self._orders.closed(record, index, event, entry)
            case e.OrderReplaced():
                self._orders.replaced(record, index, event, entry)
            case e.OrderRestated():
                self._orders.restated(record, index, event, entry)
            case e.OrderTriggered():
                self._orders.triggered(record, index, event, entry)
            case e.PositionChanged():
                self._positions.changed(record, index, event, entry)
            case e.Deposited():
                self._money.deposited(record, index, entry)
            case e.Transferred():
                self._money.transferred(record, index, entry)
            case e.Borrowed() | e.Repaid():
                self._money.lent(record, index, event, entry)
            case e.DebtCovered():
                self._money.debt_covered(record, index, entry)
            case (
                e.AssetRegistered()
                | e.FirmRegistered()
                | e.AccountOpened()
                | e.InstrumentListed()
                | e.InstrumentChanged()
                | e.CollateralSet()
            ):
                self._registrations.registered(record, entry)
            case e.ParameterSet():
                self._registrations.set_rule(record, event, entry)
            case (
                e.SessionRegistered()
                | e.OrderRejected()
                | e.CancelRejected()
                | e.ReplaceRejected()
                | e.MassCancelRejected()
                | e.StatusReported()
                | e.CommandRefused()
                | e.MassCanceled()
                | e.KillSwitchSet()
                | e.MarkSet()
                | e.SymbolStatusSet()
                | e.VenueStatusSet()
                | e.BreakerTriggered()
                | e.BreakerReleased()
                | e.Uncrossed()
                | e.TimeAdvanced()
                | e.InstrumentDelisted()
                | e.AccountStatusSet()
                | e.AccountLimitsSet()
                | e.MarginStateSet()
                | e.ParameterTookEffect()
            ):
                pass  # no order, balance, position or loan changes
            case _:
                unbooked: Never = event  # an event added to the language does not pass mypy until it is here
                raise UnknownEvent(record.seq, f"an event {type(unbooked).__name__}")
