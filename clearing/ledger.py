"""The ledger: what every record of the log means to the books. Pure: no clock, no I/O.

It holds what events do not repeat (scales of assets, terms of instruments and open orders, positions, loans) and
nothing else. Each event is recalculated before it is booked; where the engine says otherwise, nothing is booked.
An event is booked, or known to move nothing, or a fault: none is passed over. Its parts::

    state         what is known             perpetuals    arithmetic of positions
    orders        reservations              trades        matches and positions
    ledger        registrations, money, and which event goes where
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from clearing.entries import (
    CUSTODY,
    DEBT,
    DEPOSIT,
    LOAN,
    REPAYMENT,
    TRANSFER,
    Entry,
    LedgerTransaction,
    Loan,
    Movement,
    Posting,
)
from clearing.errors import UnknownEvent
from clearing.state import Books, agree
from clearing.trades import Trades
from engine.api import events as e
from engine.api.commands import (
    ChangeInstrument,
    CoverDebt,
    Deposit,
    ListInstrument,
    OpenAccount,
    RegisterAsset,
    RegisterFirm,
    SetCollateral,
    Transfer,
)
from engine.api.wire import Record

__all__ = ["Books", "Ledger"]


class Ledger(Trades):
    """Turn records into entries, in the order of the log.

    Invariant: after a fault the ledger is not to be used again; a new one is made from the books.
    """

    def post(self, record: Record) -> Entry:
        """Work out what a record means to the books.

        Raises: Disagreement, naming the seq, when an event differs from clearing's own calculation; UnknownEvent
        when it is of a type that this release cannot book.
        """
        # The scales before the record: a change of steps finds no open order and no position that would need the new.
        entry = Entry(record.seq, record.ts_ns, scales=self.scales)
        for index, event in enumerate(record.events):
            book = _BOOKED.get(type(event))
            if book is not None:
                book(self, record, index, event, entry)
            elif not isinstance(event, _NOTHING_TO_BOOK):
                raise UnknownEvent(record.seq, f"an event {type(event).__name__}")
        self.check_nothing_due(record.seq)
        return entry

    # --- registrations

    def registered(self, record: Record, index: int, event: e.Event, entry: Entry) -> None:
        """Take over a registration."""
        command = record.command
        assert isinstance(
            command, RegisterAsset | RegisterFirm | OpenAccount | ListInstrument | ChangeInstrument | SetCollateral
        )
        match command:
            case RegisterAsset():
                self.scales.decimals[command.asset_id] = command.decimals
            case ListInstrument() | ChangeInstrument():
                self.list_instrument(record.seq, command.instrument)
            case SetCollateral():
                self.lenders[command.asset_id] = command.lending_account_id
        entry.registrations.append(command)

    # --- money

    def deposited(self, record: Record, index: int, event: e.Deposited, entry: Entry) -> None:
        """Credit a deposit against custody."""
        d = record.command
        assert isinstance(d, Deposit)
        agree(record.seq, "deposit_into_custody", False, d.account_id == CUSTODY)
        _pay(entry, record, index, DEPOSIT, (CUSTODY, d.account_id), d.asset_id, d.amount, d.deposit_ref)

    def transferred(self, record: Record, index: int, event: e.Transferred, entry: Entry) -> None:
        """Move money between two accounts."""
        t = record.command
        assert isinstance(t, Transfer)
        _pay(entry, record, index, TRANSFER, (t.from_account_id, t.to_account_id), t.asset_id, t.amount)

    def lent(self, record: Record, index: int, event: e.Borrowed | e.Repaid, entry: Entry) -> None:
        """Lend money, or take it back; what is owed is kept beside the balances."""
        seq, key = record.seq, (event.account_id, event.asset_id)
        lender = self.lenders.get(event.asset_id, 0)
        agree(seq, f"asset {event.asset_id} has a lending account", True, lender != 0)
        if isinstance(event, e.Borrowed):
            kind, parties, owed = LOAN, (lender, event.account_id), self.loans.get(key, 0) + event.amount
        else:
            kind, parties, owed = REPAYMENT, (event.account_id, lender), self.loans.get(key, 0) - event.amount
        agree(seq, "loan", event.loan, owed)
        agree(seq, "loan not negative", True, owed >= 0)
        self.loans[key] = owed
        entry.loans.append(Loan(*key, owed))
        _pay(entry, record, index, kind, parties, event.asset_id, event.amount)

    def debt_covered(self, record: Record, index: int, event: e.DebtCovered, entry: Entry) -> None:
        """Pay a position's debt to the clearing PnL account of its symbol (LIQ-34)."""
        cover = record.command
        assert isinstance(cover, CoverDebt)
        pricing = self.priced(record.seq, cover.symbol_id)
        parties = (cover.payer_account_id, pricing.pnl_account_id)
        _pay(entry, record, index, DEBT, parties, pricing.quote_asset_id, cover.amount)


def _pay(
    entry: Entry,
    record: Record,
    index: int,
    kind: str,
    parties: tuple[int, int],
    asset: int,
    amount: int,
    reference: str = "",
) -> None:
    """Move an amount from the available balance of the first party to that of the second."""
    seq, (payer, payee) = record.seq, parties
    agree(seq, f"{kind.lower()}_positive", True, amount > 0)
    agree(seq, f"{kind.lower()} between two accounts", True, payer != payee)
    entry.transactions.append(LedgerTransaction(seq, index, record.ts_ns + index, kind, reference))
    entry.postings += (Posting(seq, index, payee, asset, amount), Posting(seq, index, payer, asset, -amount))
    entry.movements += (Movement(payee, asset, amount, 0), Movement(payer, asset, -amount, 0))


_BOOKED: dict[type, Callable[[Ledger, Record, int, Any, Entry], None]] = {
    e.AssetRegistered: Ledger.registered,
    e.FirmRegistered: Ledger.registered,
    e.AccountOpened: Ledger.registered,
    e.InstrumentListed: Ledger.registered,
    e.InstrumentChanged: Ledger.registered,
    e.CollateralSet: Ledger.registered,
    e.Deposited: Ledger.deposited,
    e.Transferred: Ledger.transferred,
    e.Borrowed: Ledger.lent,
    e.Repaid: Ledger.lent,
    e.DebtCovered: Ledger.debt_covered,
    e.OrderAccepted: Ledger.accepted,
    e.OrderCanceled: Ledger.closed,
    e.OrderExpired: Ledger.closed,
    e.OrderReplaced: Ledger.replaced,
    e.OrderRestated: Ledger.restated,
    e.OrderTriggered: Ledger.triggered,
    e.Traded: Ledger.traded,
    e.PositionChanged: Ledger.position_changed,
}

_NOTHING_TO_BOOK = (
    e.SessionRegistered,
    e.OrderRejected,
    e.CancelRejected,
    e.ReplaceRejected,
    e.MassCancelRejected,
    e.StatusReported,
    e.CommandRefused,
    e.MassCanceled,
    e.KillSwitchSet,
    e.MarkSet,
    e.SymbolStatusSet,
    e.VenueStatusSet,
    e.BreakerTriggered,
    e.BreakerReleased,
    e.Uncrossed,
    e.TimeAdvanced,
    e.InstrumentDelisted,
    e.AccountStatusSet,
    e.AccountLimitsSet,
    e.MarginStateSet,
)
"""Events that change no order, balance, position or loan."""
