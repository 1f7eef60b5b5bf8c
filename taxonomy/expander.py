"""The expander: one record in, all its events out, in the order of EVT-05.

What expands to nothing: StatusReported and TimeAdvanced, which change nothing, and the two PositionChanged after a
Traded, which are told within the trade. The types of section 4.08 that other parts of the exchange cause (funding,
liquidation, withdrawals, 24 h statistics) come from no record yet.
"""

from __future__ import annotations

from engine.api import events as e
from engine.api.wire import Record
from taxonomy.accounts import Accounts
from taxonomy.envelope import Envelope
from taxonomy.markets import Markets
from taxonomy.money import Money
from taxonomy.orders import Orders
from taxonomy.positions import Positions
from taxonomy.rebuilt import Rebuilt
from taxonomy.registrations import Registrations
from taxonomy.requests import Requests
from taxonomy.teller import Teller
from taxonomy.trades import Trades

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
        "ParameterSet",
        "ParameterTookEffect",
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


class Expander:
    """A fold over the whole log, from its first record on; equal logs give equal events.

    Invariant: what is ``rebuilt`` is the engine's after the last record, without the engine (RES-15).
    """

    def __init__(self) -> None:
        self._teller = teller = Teller()
        money = Money(teller)
        self._orders = Orders(teller, money)
        self._positions = Positions(teller, money)
        self._trades = Trades(teller, money, self._orders, self._positions)
        self._registrations = Registrations(teller)
        self._accounts = Accounts(teller, money)
        self._markets = Markets(teller)
        self._requests = Requests(teller)

    @property
    def rebuilt(self) -> Rebuilt:
        """What the events so far come to."""
        return self._teller.rebuilt

    def expand(self, record: Record) -> list[Envelope]:
        """Expand the next record. Raises: ExpansionError when it does not follow from those before it."""
        self._teller.begin(record)
        index = 0
        while index < len(record.events):
            self._teller.event_ts_ns = record.time_of(index)
            index += self._expand(record, index, record.events[index])
        return self._teller.end()

    def _expand(self, record: Record, index: int, event: e.Event) -> int:
        """Expand the event at ``index``. Returns: how many events that took."""
        match event:
            case e.Traded():
                return self._trades.traded(record, index, event)
            case e.OrderAccepted():
                self._orders.submit(record)
                self._orders.accepted(record, event)
            case e.OrderRejected():
                self._orders.submit(record)
                self._orders.rejected(record, event)
            case e.OrderCanceled():
                self._orders.canceled(event)
            case e.OrderExpired():
                self._orders.expired(event)
            case e.OrderReplaced():
                self._orders.replaced(record, event)
            case e.OrderTriggered():
                self._orders.triggered(event)
            case e.OrderRestated():
                self._orders.restated(event)
            case e.CancelRejected() | e.ReplaceRejected():
                self._orders.refused(record, event)
            case e.PositionChanged():
                self._positions.changed(event)
            case e.Borrowed():
                self._orders.submit(record)
                self._accounts.lent(event)
            case e.Repaid():
                self._accounts.lent(event)
            case e.StatusReported() | e.TimeAdvanced():
                pass
            case _:
                self._expand_venue(record, event)
        return 1

    def _expand_venue(self, record: Record, event: e.Event) -> None:
        match event:
            case e.AssetRegistered() | e.FirmRegistered() | e.AccountOpened() | e.SessionRegistered():
                self._registrations.registered(record)
            case e.InstrumentListed() | e.InstrumentChanged():
                self._registrations.listed(record)
            case e.InstrumentDelisted():
                self._registrations.delisted(record)
            case e.Deposited():
                self._accounts.deposited(record, event)
            case e.Transferred():
                self._accounts.transferred(record, event)
            case e.DebtCovered():
                self._accounts.debt_covered(record, event)
            case e.MarkSet():
                self._markets.mark_set(record)
            case e.BreakerTriggered():
                self._markets.breaker_triggered(event)
            case e.BreakerReleased():
                self._markets.breaker_released(event)
            case e.Uncrossed():
                self._markets.uncrossed(event)
            case e.SymbolStatusSet():
                self._markets.symbol_status_set(event)
            case e.VenueStatusSet():
                self._markets.venue_status_set(record)
            case e.AccountStatusSet() | e.AccountLimitsSet() | e.MarginStateSet():
                self._accounts.account_changed(record)
            case e.ParameterSet():
                self._markets.parameter_set(record, event)
            case e.ParameterTookEffect():
                self._markets.parameter_took_effect(event)
            case e.CollateralSet():
                self._accounts.collateral_set(record)
            case e.KillSwitchSet():
                self._requests.kill_switch_set(event)
            case e.MassCanceled():
                self._requests.mass_canceled(event)
            case e.MassCancelRejected() | e.CommandRefused():
                self._requests.command_refused(record, event.code)
            case _:
                raise self._teller.unknown(event)
