"""Commands of operations about how things stand: marks, breakers, statuses, limits, collateral (section 10)."""

from __future__ import annotations

from engine.api import commands as c
from engine.api import events as e
from engine.api import limits
from engine.api.enums import AccountKind, AccountStatus, BreakerReason, ExecInst, MarginState
from engine.api.parameters import Parameter
from engine.api.rejects import ErrorCode
from tests.model.commands import Refused, refuse_if
from tests.model.entry import STILL_ALLOWED
from tests.model.registration import Registrations
from tests.model.state import MILLION, Account, Market, Withdrawal

TIERS = range(1, 5)
SECOND_NS = 10**9


class Operations(Registrations):
    """What operations decide."""

    def operate(self, command: c.Command) -> None:
        """Do what operations ask for, or refuse it."""
        match command:
            case c.Deposit():
                self.deposit(command)
            case c.Transfer():
                self.transfer(command)
            case c.CoverDebt():
                self.cover_debt(command)
            case c.SetMark(symbol_id, price):
                self.set_mark(self.operated(symbol_id), price)
            case c.SetSymbolStatus(symbol_id, status):
                self.set_symbol_status(self.operated(symbol_id), status)
            case c.SetVenueStatus(status):
                self.venue = status
                self.tell(e.VenueStatusSet())
            case c.TriggerBreaker(symbol_id, reason):
                market = self.operated(symbol_id)
                until_ns = max(market.breaker_until_ns, self.breaker_end_ns(market))
                self.trigger_breaker(market, reason, 0, until_ns)
            case c.AdvanceTime():
                self.tell(e.TimeAdvanced())
            case c.SetParameter() | c.SetMarginBrackets() | c.SetFeeRates():
                self.set_rule(command)
            case c.SetAccountStatus(account_id, status):
                self.set_account_status(account_id, self.member(account_id), status)
            case c.SetAccountLimits():
                self.set_account_limits(self.member(command.account_id), command)
            case c.SetMarginState(account_id, state):
                self.set_margin_state(account_id, state)
            case c.SetCollateral():
                self.set_collateral(command)
            case _:
                self.register(command)

    def operated(self, symbol_id: int) -> Market:
        """Find the market a command is about."""
        market = self.listed(symbol_id)
        if market is None:
            raise Refused(ErrorCode.UNKNOWN_REFERENCE)
        return market

    def member(self, account_id: int) -> Account:
        """Find the member's account a command is about."""
        account = self.accounts.get(account_id)
        if account is None or not account.kind.is_member:
            raise Refused(ErrorCode.UNKNOWN_REFERENCE)
        return account

    def set_margin_state(self, account_id: int, state: MarginState) -> None:
        """Restrict an account to what it may still have (LIQ-60), and take the rest out of the market."""
        self.member(account_id).margin_state = state
        self.tell(e.MarginStateSet())
        keeps = STILL_ALLOWED.get(state, ExecInst.NONE)
        if not keeps or not any(self.open_of[account_id].values()):
            return
        self.withdrawals = [w for w in self.withdrawals if (w.account_id, w.keeps) != (account_id, keeps)]
        code = ErrorCode.MARGIN_RESTRICTED if keeps is ExecInst.REDUCE_ONLY else ErrorCode.LIQUIDATION
        w = Withdrawal(self.seq, 0, account_id, 0, 0, 0, code, is_operations=True, keeps=keeps)
        self.withdrawals.append(w)
        self.go_on_withdrawing(w)

    # --- marks and breakers -----------------------------------------------------------------------------

    def set_mark(self, market: Market, price: int) -> None:
        """Set a mark, and stop the market when it has moved too far within the window (MAR-43)."""
        refuse_if(not 1 <= price <= limits.PRICE_TICKS_MAX, ErrorCode.BOUND_EXCEEDED)
        market.mark = price
        self.tell(e.MarkSet())
        window_ns = self.parameter(Parameter.BREAKER_WINDOW_S, market.symbol_id) * SECOND_NS
        for marks in (market.lows, market.highs):
            marks[:] = [(ts_ns, mark) for ts_ns, mark in marks if ts_ns >= self.ts_ns - window_ns]
        move_ppm = self.parameter(Parameter.BREAKER_MOVE_PPM, market.symbol_id)
        change = change_ppm(price, [mark for _, mark in market.lows + market.highs], move_ppm)
        if change and not market.breaker_until_ns:
            market.lows, market.highs = [], []
            self.trigger_breaker(market, BreakerReason.MARK_MOVE, change, self.breaker_end_ns(market))
        market.lows = with_mark(self.ts_ns, price, [mark for mark in market.lows if mark[1] < price])
        market.highs = with_mark(self.ts_ns, price, [mark for mark in market.highs if mark[1] > price])

    def breaker_end_ns(self, market: Market) -> int:
        """When a breaker that is triggered now will end."""
        return self.ts_ns + self.parameter(Parameter.BREAKER_NS, market.symbol_id)

    def trigger_breaker(self, market: Market, reason: BreakerReason, change: int, until_ns: int) -> None:
        market.breaker_until_ns = until_ns
        self.tell(e.BreakerTriggered(market.symbol_id, reason, change, until_ns))

    def release_breakers(self) -> None:
        """End the circuit breakers whose time is over."""
        due = [m for m in self.markets.values() if 0 < m.breaker_until_ns <= self.ts_ns]
        for market in sorted(due, key=lambda market: (market.breaker_until_ns, market.symbol_id)):
            if not self.step():
                return
            market.breaker_until_ns = 0
            self.tell(e.BreakerReleased(market.symbol_id))

    # --- accounts and assets ----------------------------------------------------------------------------

    def set_account_status(self, account_id: int, account: Account, status: AccountStatus) -> None:
        """Suspend, reactivate or close an account."""
        is_closed, closes = account.status is AccountStatus.CLOSED, status is AccountStatus.CLOSED
        refuse_if(is_closed and not closes, ErrorCode.INVALID_TRANSITION)
        refuse_if(closes and not self.is_empty(account_id), ErrorCode.NOT_EMPTY)
        is_changed, has_orders = status is not account.status, any(self.open_of[account_id].values())
        refuse_if(account_id in self.moves and is_changed, ErrorCode.NOT_ALLOWED_NOW)
        account.status = status
        self.tell(e.AccountStatusSet())
        if is_changed and has_orders:
            self.moves[account_id] = 0
            self.go_on_moving(account_id)

    def is_empty(self, account_id: int) -> bool:
        """Tell whether an account has nothing, owes nothing and waits for nothing."""
        has_money = any(
            book[account_id, asset_id] for book in (self.available, self.locked, self.loans) for asset_id in self.assets
        )
        has_position = any(p.size or p.margin or p.debt for p in self.positions[account_id].values())
        return not has_money and not has_position and not any(self.open_of[account_id].values())

    def set_account_limits(self, account: Account, command: c.SetAccountLimits) -> None:
        """Set an account's tier and its own caps."""
        is_bounded = (
            command.tier in TIERS
            and command.leverage_max <= limits.LEVERAGE_MAX
            and 0 <= command.position_notional_max <= limits.NOTIONAL_MINOR_MAX
        )
        refuse_if(not is_bounded, ErrorCode.BOUND_EXCEEDED)
        account.tier, account.leverage_max = command.tier, command.leverage_max
        account.position_notional_max = command.position_notional_max
        self.tell(e.AccountLimitsSet())

    def set_collateral(self, command: c.SetCollateral) -> None:
        """Set an asset's collateral weight and the account that lends it (ACC-31)."""
        asset, lender = self.assets.get(command.asset_id), command.lending_account_id
        if asset is None or (lender and lender not in self.accounts):
            raise Refused(ErrorCode.UNKNOWN_REFERENCE)
        is_system = not lender or self.accounts[lender].kind is AccountKind.SYSTEM
        is_bounded = command.weight_ppm <= limits.WEIGHT_PPM_MAX and is_system
        refuse_if(not is_bounded, ErrorCode.BOUND_EXCEEDED)
        refuse_if(asset.lent > 0 and lender != asset.lending_account_id, ErrorCode.NOT_EMPTY)
        asset.weight_ppm, asset.lending_account_id = command.weight_ppm, lender
        self.tell(e.CollateralSet())


def with_mark(ts_ns: int, price: int, marks: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Add a mark; when there are too many, the last one counts on in its place."""
    if len(marks) < limits.MARKS_IN_WINDOW_MAX:
        return [*marks, (ts_ns, price)]
    return [*marks[:-1], (ts_ns, marks[-1][1])]


def change_ppm(price: int, window: list[int], move_ppm: int) -> int:
    """How far a mark lies from the marks of the window, when that is too far; else 0."""
    if not window:
        return 0
    low, high = min(window), max(window)
    if price * MILLION > low * (MILLION + move_ppm):
        return (price - low) * MILLION // low
    if price * MILLION < high * (MILLION - move_ppm):
        return -((high - price) * MILLION // high)
    return 0
