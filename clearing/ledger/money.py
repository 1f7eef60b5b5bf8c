"""The ledger of money that moves without a trade: deposits, transfers, loans, debts."""

from __future__ import annotations

from clearing.ledger.entries import (
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
from clearing.ledger.state import LedgerState, agree
from engine.api.commands import CoverDebt, Deposit, Transfer
from engine.api.events import Borrowed, Repaid
from engine.api.ids import ABSENT, AccountId, AssetId
from engine.api.wire import Record


class Money:
    """Book what moves from one account to another, and what is owed."""

    def __init__(self, state: LedgerState) -> None:
        self._state = state

    def deposited(self, record: Record, index: int, entry: Entry) -> None:
        """Credit a deposit against custody."""
        d = record.command
        assert isinstance(d, Deposit)
        agree(record.seq, "deposit_into_custody", False, d.account_id == CUSTODY)
        _pay(entry, record, index, DEPOSIT, (CUSTODY, d.account_id), d.asset_id, d.amount, d.deposit_ref)

    def transferred(self, record: Record, index: int, entry: Entry) -> None:
        """Move money between two accounts."""
        t = record.command
        assert isinstance(t, Transfer)
        _pay(entry, record, index, TRANSFER, (t.from_account_id, t.to_account_id), t.asset_id, t.amount)

    def lent(self, record: Record, index: int, event: Borrowed | Repaid, entry: Entry) -> None:
        """Lend money, or take it back; what is owed is kept beside the balances."""
        seq, key, loans = record.seq, (event.account_id, event.asset_id), self._state.loans
        lender = self._state.lenders.get(event.asset_id, AccountId(ABSENT))
        agree(seq, f"asset {event.asset_id} has a lending account", True, lender != ABSENT)
        if isinstance(event, Borrowed):
            kind, parties, owed = LOAN, (lender, event.account_id), loans.get(key, 0) + event.amount
        else:
            kind, parties, owed = REPAYMENT, (event.account_id, lender), loans.get(key, 0) - event.amount
        agree(seq, "loan", event.loan, owed)
        agree(seq, "loan not negative", True, owed >= 0)
        loans[key] = owed
        entry.loans.append(Loan(*key, owed))
        _pay(entry, record, index, kind, parties, event.asset_id, event.amount)

    def debt_covered(self, record: Record, index: int, entry: Entry) -> None:
        """Pay a position's debt to the clearing PnL account of its symbol (LIQ-34)."""
        cover = record.command
        assert isinstance(cover, CoverDebt)
        pricing = self._state.priced(record.seq, cover.symbol_id)
        parties = (cover.payer_account_id, pricing.pnl_account_id)
        _pay(entry, record, index, DEBT, parties, pricing.quote_asset_id, cover.amount)


def _pay(
    entry: Entry,
    record: Record,
    index: int,
    kind: str,
    parties: tuple[AccountId, AccountId],
    asset: AssetId,
    amount: int,
    reference: str = "",
) -> None:
    """Move an amount from the available balance of the first party to that of the second."""
    seq, (payer, payee) = record.seq, parties
    agree(seq, f"{kind.lower()}_positive", True, amount > 0)
    agree(seq, f"{kind.lower()} between two accounts", True, payer != payee)
    entry.transactions.append(LedgerTransaction(seq, index, record.time_of(index), kind, reference))
    entry.postings += (Posting(seq, index, payee, asset, amount), Posting(seq, index, payer, asset, -amount))
    entry.movements += (Movement(payee, asset, amount, 0), Movement(payer, asset, -amount, 0))
