"""The events of accounts: their money, their statuses and caps."""

from __future__ import annotations

from engine.api import commands as c
from engine.api import events as e
from engine.api.ids import AccountId
from engine.api.units import format_minor
from engine.api.wire import Record
from taxonomy.envelope import Payload
from taxonomy.money import Money
from taxonomy.teller import Teller


class Accounts:
    """Expansion of the events about accounts."""

    def __init__(self, teller: Teller, money: Money) -> None:
        self._teller = teller
        self._rebuilt = teller.rebuilt
        self._money = money

    def deposited(self, record: Record, event: e.Deposited) -> None:
        """DepositConfirmed, BalanceUpdated."""
        d = record.command
        assert isinstance(d, c.Deposit)
        payload: Payload = {
            "account_id": str(d.account_id),
            "asset": self._rebuilt.assets[d.asset_id].name,
            "amount": self._rebuilt.amount(d.amount, d.asset_id),
            "tx_id": d.deposit_ref,
            "confirmations": "0",
        }
        self._teller.cause = self._teller.tell("DepositConfirmed", payload, account=d.account_id)
        self._money.move(d.account_id, d.asset_id, d.amount, "DEPOSIT", d.deposit_ref)
        self._teller.agree(
            "available", event.available_after, self._rebuilt.balance(d.account_id, d.asset_id).available
        )

    def transferred(self, record: Record, event: e.Transferred) -> None:
        """Transferred, BalanceUpdated of both accounts."""
        t = record.command
        assert isinstance(t, c.Transfer)
        payload: Payload = {
            "from_account_id": str(t.from_account_id),
            "to_account_id": str(t.to_account_id),
            "asset": self._rebuilt.assets[t.asset_id].name,
            "amount": self._rebuilt.amount(t.amount, t.asset_id),
        }
        self._teller.cause = reference = self._teller.tell("Transferred", payload)
        self._money.move(t.from_account_id, t.asset_id, -t.amount, "TRANSFER", reference)
        self._money.move(t.to_account_id, t.asset_id, t.amount, "TRANSFER", reference)
        own = [self._rebuilt.balance(a, t.asset_id).available for a in (t.from_account_id, t.to_account_id)]
        self._teller.agree("available", str([event.from_available, event.to_available]), str(own))

    def lent(self, event: e.Borrowed | e.Repaid) -> None:
        """Borrowed or Repaid, BalanceUpdated of the lending account and the borrower's."""
        account_id, asset_id = event.account_id, event.asset_id
        lender = self._rebuilt.lenders.get(asset_id)
        if not lender:
            raise self._teller.disagree(f"asset {asset_id} has no lending account")
        balance = self._rebuilt.balance(account_id, asset_id)
        amount = event.amount if isinstance(event, e.Borrowed) else -event.amount
        balance.loan += amount
        self._teller.agree("loan", event.loan, balance.loan)
        payload: Payload = {
            "account_id": str(account_id),
            "lending_account_id": str(lender),
            "asset": self._rebuilt.assets[asset_id].name,
            "amount": self._rebuilt.amount(event.amount, asset_id),
            "loan_after": self._rebuilt.amount(event.loan, asset_id),
        }
        name = type(event).__name__
        told = self._teller.tell(name, payload, account=account_id)
        # Who gives comes before who takes.
        parties = ((lender, -amount), (account_id, amount))
        for party, delta in parties if amount > 0 else parties[::-1]:
            self._money.move(party, asset_id, delta, name.upper(), told, told)

    def debt_covered(self, record: Record, event: e.DebtCovered) -> None:
        """DebtCovered, BalanceUpdated of payer and clearing PnL account."""
        cover = record.command
        assert isinstance(cover, c.CoverDebt)
        i = self._teller.instrument(cover.symbol_id)
        payload: Payload = {
            "position_id": f"{cover.account_id}:{cover.symbol_id}",
            "payer_account_id": str(cover.payer_account_id),
            "amount": self._rebuilt.amount(cover.amount, i.quote_asset_id),
            "asset": self._rebuilt.assets[i.quote_asset_id].name,
        }
        self._teller.cause = reference = self._teller.tell("DebtCovered", payload, account=cover.account_id)
        self._money.move(cover.payer_account_id, i.quote_asset_id, -cover.amount, "DEBT", reference)
        self._money.move(i.pnl_account_id, i.quote_asset_id, cover.amount, "DEBT", reference)
        payer = self._rebuilt.balance(cover.payer_account_id, i.quote_asset_id)
        self._teller.agree("available", event.payer_available, payer.available)

    def account_changed(self, record: Record) -> None:
        """AccountStatusChanged, AccountMarginStateChanged, AccountLimitsChanged."""
        match record.command:
            case c.SetAccountStatus(account_id, status):
                self._tell_account("AccountStatusChanged", account_id, {"status": status.name})
            case c.SetMarginState(account_id, state):
                self._tell_account("AccountMarginStateChanged", account_id, {"state": state.name})
            case c.SetAccountLimits(account_id, tier, leverage, notional):
                # The cap counts in minor units of whatever quote asset it meets.
                limits: Payload = {"leverage_max": str(leverage), "position_notional_max_minor": str(notional)}
                self._tell_account("AccountLimitsChanged", account_id, {"tier": str(tier), **limits})
            case command:
                raise self._teller.disagree(f"{type(command).__name__} changes no account")

    def _tell_account(self, event_type: str, account_id: AccountId, payload: Payload) -> None:
        self._teller.tell(event_type, {"account_id": str(account_id), **payload}, account=account_id)

    def collateral_set(self, record: Record) -> None:
        """CollateralChanged."""
        command = record.command
        assert isinstance(command, c.SetCollateral)
        self._rebuilt.lenders[command.asset_id] = command.lending_account_id
        payload: Payload = {
            "asset": self._rebuilt.assets[command.asset_id].name,
            "weight": format_minor(command.weight_ppm, 6),
            "lending_account_id": str(command.lending_account_id),
        }
        self._teller.tell("CollateralChanged", payload)
