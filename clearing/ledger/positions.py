"""What a fill does to a position: clearing's own arithmetic, so that it can check the engine's.

Units: sizes signed lots, prices ticks, amounts minor units of the quote asset. Source: DRV-11, ACC-15, MAR-10.
"""

from __future__ import annotations

import msgspec

from clearing.errors import Disagreement
from clearing.ledger.entries import PNL, Entry, LedgerTransaction, Movement, Position, PositionChange, Posting
from clearing.ledger.pricing import Pricing
from clearing.ledger.state import LedgerState, agree
from engine.api.commands import AdjustMargin, CoverDebt, SetLeverage
from engine.api.enums import MarginMode, PositionReason, Side
from engine.api.events import PositionChanged
from engine.api.ids import AccountId, Seq, SymbolId
from engine.api.limits import LEVERAGE_MAX
from engine.api.units import Lots, Ticks, TimestampNs
from engine.api.wire import Record


class Fill(msgspec.Struct, frozen=True):
    """One side of a trade in a perpetual; ``released`` is what its order had locked for the lots that traded."""

    account_id: AccountId
    symbol_id: SymbolId
    side: Side
    last_px: Ticks
    last_qty: Lots
    fee: int
    released: int


class Change(msgspec.Struct, frozen=True):
    """What a change of a position does to the balance: ``gained`` from the clearing PnL account (or lost to it),
    and by how much more is ``locked``; ``debt_added`` is the part of the loss that nobody paid, less what was repaid.
    """

    gained: int
    locked: int
    debt_added: int

    def told(self, seq: Seq, index: int, ts_ns: TimestampNs, event: PositionChanged, after: Position) -> PositionChange:
        """Make the row of the history."""
        return PositionChange(seq, index, ts_ns, event.reason, after, event.realized_pnl, self.debt_added)


class Positions:
    """Positions in perpetuals: what was realized, and what their margin locks."""

    def __init__(self, state: LedgerState) -> None:
        self._state = state
        self._due: tuple[Fill, ...] = ()

    def await_fills(self, fills: tuple[Fill, ...]) -> None:
        """Expect the positions of these fills to be told next, in this order."""
        self._due = fills

    def changed(self, record: Record, index: int, event: PositionChanged, entry: Entry) -> None:
        """Book a change of a position."""
        seq, key, positions = record.seq, (event.account_id, event.symbol_id), self._state.positions
        pricing = self._state.priced(seq, event.symbol_id)
        agree(seq, f"instrument {event.symbol_id} is a perpetual", True, pricing.is_perpetual)
        if event.reason is PositionReason.TRADE:
            change = settle_fill(seq, self._next_due(seq, event), positions.get(key), event, pricing)
        else:
            change = check_change(record, positions.get(key), event)
        positions[key] = after = take_over(seq, event)
        entry.position_changes.append(change.told(seq, index, record.time_of(index), event, after))
        _pay_out(entry, record, index, event.account_id, change, pricing)

    def check_nothing_due(self, seq: Seq) -> None:
        """Check that both positions of a trade were told. Raises: Disagreement."""
        if self._due:
            raise Disagreement(seq, f"position of account {self._due[0].account_id}", "not told", "due")

    def _next_due(self, seq: Seq, event: PositionChanged) -> Fill:
        if not self._due:
            raise Disagreement(seq, f"a trade of account {event.account_id}", "before its position", "none")
        due, self._due = self._due[0], self._due[1:]
        agree(seq, "position", (event.account_id, event.symbol_id), (due.account_id, due.symbol_id))
        return due


def _pay_out(entry: Entry, record: Record, index: int, account_id: AccountId, change: Change, pricing: Pricing) -> None:
    """Book what a change gained against the clearing PnL account, and what it locks."""
    seq, quote, gained, locked = record.seq, pricing.quote_asset_id, change.gained, change.locked
    if gained or locked:
        entry.movements.append(Movement(account_id, quote, gained - locked, locked))
    if gained:
        entry.transactions.append(LedgerTransaction(seq, index, record.time_of(index), PNL))
        entry.postings += (
            Posting(seq, index, account_id, quote, gained),
            Posting(seq, index, pricing.pnl_account_id, quote, -gained),
        )
        entry.movements.append(Movement(pricing.pnl_account_id, quote, -gained, 0))


def settle_fill(seq: Seq, fill: Fill, before: Position | None, event: PositionChanged, pricing: Pricing) -> Change:
    """Work out a fill and compare it with what the engine says. Raises: Disagreement."""
    p = before or Position(event.account_id, event.symbol_id, event.leverage)
    agree(seq, "leverage in bounds", True, 1 <= event.leverage <= LEVERAGE_MAX)
    agree(seq, "leverage and mode", (event.leverage, bool(event.is_isolated)), (p.leverage, p.is_isolated))
    d = 1 if fill.side is Side.BUY else -1
    closing = Lots(min(fill.last_qty, abs(p.size)) if p.size * d < 0 else 0)
    closed = _half_up(p.cost * closing, abs(p.size)) if closing else 0
    realized = -d * pricing.notional(fill.last_px, closing) - closed
    pool = fill.released + p.margin + realized - fill.fee
    missing = max(0, -pool) if p.is_isolated and closing < abs(p.size) else 0
    realized += missing  # What is left of an isolated position bears what its margin cannot pay.
    size = p.size + d * fill.last_qty
    cost = missing + p.cost - closed + d * pricing.notional(fill.last_px, Lots(fill.last_qty - closing))
    extra = p.extra if size * p.size > 0 else 0
    agree(seq, "released", event.released, fill.released)
    agree(seq, "realized_pnl", event.realized_pnl, realized)
    agree(seq, "size", event.size, size)
    agree(seq, "cost", event.cost, cost)
    wanted = -(-abs(cost) // p.leverage)
    # What an order brought to bear its loss at the mark stays with an isolated position.
    most = max(extra, pool + missing - wanted if p.is_isolated else 0)
    agree(seq, f"extra between {extra} and {most}", True, extra <= event.extra <= most)
    debt_added = event.debt - p.debt
    _check_debt(seq, event, debt_added, pool + missing)
    _check_margin(seq, event, wanted + event.extra, pool)
    return Change(realized + debt_added, event.margin - p.margin - fill.released, debt_added)


def _check_debt(seq: Seq, event: PositionChanged, debt_added: int, pool: int) -> None:
    """Check that only what the collateral could not pay is owed. ``pool`` is what the position has of its own."""
    agree(seq, "debt not lowered by a trade", True, debt_added >= 0)
    if event.is_isolated:
        agree(seq, "debt_added", debt_added, max(0, -pool))
    elif debt_added:
        # A cross position has used up the account's balance before it owes anything.
        agree(seq, f"debt_added at most {-pool}", True, debt_added <= -pool)
        agree(seq, "available of an account in debt", event.available, 0)


def _check_margin(seq: Seq, event: PositionChanged, wanted: int, pool: int) -> None:
    """Check that a position has the margin it wants, or all there is: an isolated one, of its own."""
    agree(seq, f"margin between 0 and {wanted}", True, 0 <= event.margin <= wanted)
    if event.is_isolated:
        agree(seq, "margin", event.margin, min(wanted, max(0, pool)))
    elif event.margin < wanted:
        agree(seq, "available beside a margin that is not whole", event.available, 0)


def check_change(record: Record, before: Position | None, event: PositionChanged) -> Change:
    """Check a change that no trade caused against its command. Raises: Disagreement."""
    seq, command = record.seq, record.command
    p = before or Position(event.account_id, event.symbol_id, event.leverage)
    if event.reason is PositionReason.REPAYMENT:
        return _check_repayment(seq, p, event)
    if isinstance(command, SetLeverage | AdjustMargin | CoverDebt):
        asked = (command.account_id, command.symbol_id)
        agree(seq, "position", (event.account_id, event.symbol_id), asked)
    agree(seq, "size and cost", (event.size, event.cost), (p.size, p.cost))
    agree(seq, "realized_pnl and released", (event.realized_pnl, event.released), (0, 0))
    now = (event.leverage, bool(event.is_isolated), event.margin, event.extra, event.debt)
    match command:
        case SetLeverage() if event.reason is PositionReason.LEVERAGE:
            margin = -(-abs(p.cost) // command.leverage) + p.extra
            due = (command.leverage, command.mode is MarginMode.ISOLATED, margin, p.extra, p.debt)
        case AdjustMargin() if event.reason is PositionReason.MARGIN:
            due = (p.leverage, p.is_isolated, p.margin + command.amount, p.extra + command.amount, p.debt)
        case CoverDebt() if event.reason is PositionReason.DEBT:
            due = (p.leverage, p.is_isolated, p.margin, p.extra, p.debt - command.amount)
        case _:
            raise Disagreement(seq, "position", event.reason.name, f"unmoved by {type(command).__name__}")
    agree(seq, "leverage, mode, margin, added margin and debt", now, due)
    return Change(0, event.margin - p.margin, 0)


def _check_repayment(seq: Seq, p: Position, event: PositionChanged) -> Change:
    """Check that a debt was paid from what was available, and nothing else has changed."""
    paid = p.debt - event.debt
    agree(seq, "repayment of a cross position's debt", True, paid > 0 and not event.is_isolated)
    now = (event.leverage, bool(event.is_isolated), event.size, event.cost, event.margin, event.extra)
    agree(seq, "position", now, (p.leverage, p.is_isolated, p.size, p.cost, p.margin, p.extra))
    agree(seq, "realized_pnl and released", (event.realized_pnl, event.released), (0, 0))
    if event.debt:
        agree(seq, "available beside a debt", event.available, 0)
    return Change(-paid, 0, -paid)


def take_over(seq: Seq, event: PositionChanged) -> Position:
    """Return the position the event tells."""
    return Position(
        event.account_id,
        event.symbol_id,
        event.leverage,
        bool(event.is_isolated),
        event.size,
        event.cost,
        event.margin,
        event.extra,
        event.debt,
        seq,
    )


def _half_up(dividend: int, divisor: int) -> int:
    """Divide to the nearest, ties away from zero (RES-62); the divisor is positive."""
    size = (2 * abs(dividend) + divisor) // (2 * divisor)
    return size if dividend >= 0 else -size
