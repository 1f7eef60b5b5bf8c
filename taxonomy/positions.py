"""The events of positions and their margin."""

from __future__ import annotations

from engine.api import events as e
from engine.api.enums import PositionReason
from engine.api.ids import AssetId
from engine.api.instrument import Instrument
from engine.api.units import Lots, Minor, Ticks
from taxonomy.envelope import Payload
from taxonomy.money import Money
from taxonomy.rebuilt import NO_LOTS, Position
from taxonomy.teller import Teller


class Positions:
    """Expansion of the events about positions."""

    def __init__(self, teller: Teller, money: Money) -> None:
        self._teller = teller
        self._rebuilt = teller.rebuilt
        self._money = money

    def traded(
        self, fee: Minor, change: e.PositionChanged, position: Position, last_px: Ticks, i: Instrument, cause: str
    ) -> None:
        """PositionOpened, PositionUpdated or PositionClosed; a reversal closes and opens.

        The whole fee of a reversal counts for the position that is closed.
        """
        before = position.size
        was_open, is_open = before != 0, change.size != 0
        is_reversed = before * change.size < 0
        position.fees += fee
        position.realized += change.realized_pnl
        if was_open and (is_reversed or not is_open):
            closed: Payload = {
                "close_price": i.format_price(last_px),
                "realized_pnl": self._rebuilt.amount(position.realized, i.quote_asset_id),
                "total_fees": self._rebuilt.amount(position.fees, i.quote_asset_id),
            }
            self._tell_position(
                "PositionClosed", change, i, closed, {} if is_reversed else self._margins(change, i), cause
            )
            position.fees = position.realized = 0
        take_over(position, change)
        if is_open and (is_reversed or not was_open):
            self._tell_position("PositionOpened", change, i, self._opened(position, i), self._margins(change, i), cause)
        elif is_open:
            self._updated(change, position, Lots(change.size - before), i, cause)

    def _opened(self, position: Position, i: Instrument) -> Payload:
        return {
            "side": "LONG" if position.size > 0 else "SHORT",
            "size": i.format_qty(Lots(abs(position.size))),
            "entry_price": self._rebuilt.entry_price(position, i),
            "leverage": str(position.leverage),
        }

    def _updated(self, change: e.PositionChanged, position: Position, delta: Lots, i: Instrument, cause: str) -> None:
        payload: Payload = {
            "size_delta": i.format_qty(delta),
            "new_size": i.format_qty(position.size),
            "new_avg_price": self._rebuilt.entry_price(position, i),
            "unrealized_pnl": self._rebuilt.unrealized(position, i),
        }
        self._tell_position("PositionUpdated", change, i, payload, self._margins(change, i), cause)

    def _margins(self, change: e.PositionChanged, i: Instrument) -> Payload:
        """What stands behind a position now, beside the fields of the taxonomy."""
        amounts = {"cost": change.cost, "margin": change.margin, "added_margin": change.extra, "debt": change.debt}
        return {name: self._rebuilt.amount(minor, i.quote_asset_id) for name, minor in amounts.items()}

    def _tell_position(
        self, event_type: str, change: e.PositionChanged, i: Instrument, payload: Payload, more: Payload, cause: str
    ) -> str:
        named: Payload = {
            "position_id": position_id(change),
            "account_id": str(change.account_id),
            "symbol": i.symbol,
        }
        payload = named | payload | more
        return self._teller.tell(event_type, payload, cause, change.account_id, None, position_id(change), i.symbol)

    def changed(self, change: e.PositionChanged) -> None:
        """Expand a change that no trade caused: LeverageChanged or PositionUpdated, and the margin that moves."""
        i = self._teller.instrument(change.symbol_id)
        if change.reason is PositionReason.TRADE:
            raise self._teller.disagree("a position was traded without a trade before it")
        position = self._rebuilt.position(change.account_id, change.symbol_id, change.leverage)
        rise, repaid = change.margin - position.margin, position.debt - change.debt
        self._teller.agree("size and cost", f"{change.size} {change.cost}", f"{position.size} {position.cost}")
        take_over(position, change)
        cause = self._teller.cause
        if change.reason is PositionReason.LEVERAGE:
            mode = "ISOLATED" if change.is_isolated else "CROSS"
            payload: Payload = {"leverage": str(change.leverage), "margin_mode": mode}
            cause = self._tell_position("LeverageChanged", change, i, payload, self._margins(change, i), cause)
        else:
            self._updated(change, position, NO_LOTS, i, cause)
        if change.reason is PositionReason.REPAYMENT:
            reference = position_id(change)
            self._money.move(change.account_id, i.quote_asset_id, -repaid, "DEBT", reference, cause)
            self._money.move(i.pnl_account_id, i.quote_asset_id, repaid, "DEBT", reference, cause)
        self._money.reserve(change.account_id, i.quote_asset_id, rise, f"POSITION {position_id(change)}", None, cause)
        self.check_balance(change, i.quote_asset_id)

    def check_balance(self, change: e.PositionChanged, asset_id: AssetId) -> None:
        """Check the balances a change tells. Raises: ExpansionError."""
        balance = self._rebuilt.balance(change.account_id, asset_id)
        told = f"{change.available} {change.locked}"
        self._teller.agree(f"balance of account {change.account_id}", told, f"{balance.available} {balance.locked}")


def take_over(position: Position, change: e.PositionChanged) -> None:
    """Bring a position to what its event says."""
    position.leverage, position.is_isolated = change.leverage, bool(change.is_isolated)
    position.size, position.cost = change.size, change.cost
    position.margin, position.extra, position.debt = change.margin, change.extra, change.debt


def position_id(change: e.PositionChanged) -> str:
    """Name a position: there is one for each account and symbol."""
    return f"{change.account_id}:{change.symbol_id}"
