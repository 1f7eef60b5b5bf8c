"""The expander: one record in, all its events out, in the order of EVT-05.

What expands to nothing: StatusReported and TimeAdvanced, which change nothing, and the two PositionChanged after a
Traded, which are told within the trade. The types of section 4.08 that other parts of the exchange cause (funding,
liquidation, withdrawals, 24 h statistics) come from no record yet.
"""

from __future__ import annotations

from engine.api import events as e
from engine.api.wire import Record
from engine.expansion.envelope import Envelope
from engine.expansion.venue import VenueEvents

EVENT_TYPES = frozenset(
    [
        "AccountCreated",
        "AccountLimitsChanged",
        "AccountMarginStateChanged",
        "AccountStatusChanged",
        "AssetRegistered",
        "AuctionUncrossed",
        "BalanceUpdated",
        "Borrowed",
        "CircuitBreakerReleased",
        "CircuitBreakerTriggered",
        "CollateralChanged",
        "CommandRefused",
        "DebtCovered",
        "DepositConfirmed",
        "FirmRegistered",
        "InstrumentChanged",
        "InstrumentDelisted",
        "InstrumentListed",
        "KillSwitchSet",
        "LeverageChanged",
        "MarginReleased",
        "MarginReserved",
        "MarkPriceUpdated",
        "MassCanceled",
        "OrderAccepted",
        "OrderCancelRejected",
        "OrderCanceled",
        "OrderExpired",
        "OrderFilled",
        "OrderPartiallyFilled",
        "OrderReduced",
        "OrderRejected",
        "OrderReplaceRejected",
        "OrderReplaced",
        "OrderRestated",
        "OrderSubmitted",
        "OrderTriggered",
        "PositionClosed",
        "PositionOpened",
        "PositionUpdated",
        "Repaid",
        "SessionRegistered",
        "SymbolStatusChanged",
        "TradeExecuted",
        "TradeSettled",
        "Transferred",
        "VenueStatusChanged",
    ]
)
"""Every type the log can expand to. More may come; none goes away (EVT-12)."""


class Expander(VenueEvents):
    """A fold over the whole log, from its first record on; equal logs give equal events.

    Invariant: ``standing`` is the engine's after the last record, without the engine (RES-15).
    """

    def expand(self, record: Record) -> list[Envelope]:
        """Expand the next record. Raises: ExpansionError when it does not follow from those before it."""
        self.begin(record)
        index = 0
        while index < len(record.events):
            self.event_ts_ns = record.ts_ns + index
            index += self._expand(record, index, record.events[index])
        return self.end()

    def _expand(self, record: Record, index: int, event: e.Event) -> int:
        """Expand the event at ``index``. Returns: how many events that took."""
        match event:
            case e.Traded():
                return self.traded(record, index, event)
            case e.OrderAccepted():
                self.submit(record)
                self.accepted(record, event)
            case e.OrderRejected():
                self.submit(record)
                self.rejected(record, event)
            case e.OrderCanceled():
                self.canceled(event)
            case e.OrderExpired():
                self.expired(event)
            case e.OrderReplaced():
                self.replaced(record, event)
            case e.OrderTriggered():
                self.triggered(event)
            case e.OrderRestated():
                self.restated(event)
            case e.CancelRejected() | e.ReplaceRejected():
                self.refused(record, event)
            case e.PositionChanged():
                self.position_changed(event)
            case e.Borrowed():
                self.submit(record)
                self.lent(event)
            case e.Repaid():
                self.lent(event)
            case e.StatusReported() | e.TimeAdvanced():
                pass
            case _:
                self._expand_venue(record, event)
        return 1

    def _expand_venue(self, record: Record, event: e.Event) -> None:
        match event:
            case e.AssetRegistered() | e.FirmRegistered() | e.AccountOpened() | e.SessionRegistered():
                self.registered(record)
            case e.InstrumentListed() | e.InstrumentChanged():
                self.listed(record)
            case e.InstrumentDelisted():
                self.delisted(record)
            case e.Deposited():
                self.deposited(record, event)
            case e.Transferred():
                self.transferred(record, event)
            case e.DebtCovered():
                self.debt_covered(record, event)
            case e.MarkSet():
                self.mark_set(record)
            case e.BreakerTriggered():
                self.breaker_triggered(event)
            case e.BreakerReleased():
                self.breaker_released(event)
            case e.Uncrossed():
                self.uncrossed(event)
            case e.SymbolStatusSet():
                self.symbol_status_set(event)
            case e.VenueStatusSet():
                self.venue_status_set(record)
            case e.AccountStatusSet() | e.AccountLimitsSet() | e.MarginStateSet():
                self.account_changed(record)
            case e.CollateralSet():
                self.collateral_set(record)
            case e.KillSwitchSet():
                self.kill_switch_set(event)
            case e.MassCanceled():
                self.mass_canceled(event)
            case e.MassCancelRejected() | e.CommandRefused():
                self.command_refused(record, event.code)
            case _:
                raise self.unknown(event)
