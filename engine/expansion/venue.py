"""The events of everything else: registrations, money, marks, and how markets, accounts and sessions stand."""

from __future__ import annotations

from engine.api import commands as c
from engine.api import events as e
from engine.api.units import format_minor
from engine.api.wire import Record
from engine.expansion.envelope import Payload
from engine.expansion.orders import reason_of
from engine.expansion.trades import TradeEvents


class VenueEvents(TradeEvents):
    """Expansion of the events about the venue, its accounts and their money."""

    # --- registrations

    def registered(self, record: Record) -> None:
        """AccountCreated, and the registrations the taxonomy does not name."""
        standing, command = self.standing, record.command
        match command:
            case c.RegisterAsset():
                standing.assets[command.asset_id] = command
                payload: Payload = {"asset": command.name, "decimals": str(command.decimals)}
                self.tell("AssetRegistered", payload | {"asset_id": str(command.asset_id)})
            case c.RegisterFirm():
                self.tell("FirmRegistered", {"firm_id": str(command.firm_id), "name": command.name})
            case c.RegisterSession():
                payload = {"session_id": str(command.session_id), "comp_id": command.comp_id}
                self.tell("SessionRegistered", payload | {"firm_id": str(command.firm_id), "kind": command.kind.name})
            case c.OpenAccount():
                standing.accounts[command.account_id] = command
                payload = {"account_id": str(command.account_id), "account_type": command.kind.name}
                payload |= {"external_id": command.name, "firm_id": str(command.firm_id)}
                self.tell("AccountCreated", payload, account=command.account_id)
            case _:
                raise self.disagree(f"{type(command).__name__} registers nothing")

    def listed(self, record: Record) -> None:
        """InstrumentListed, InstrumentChanged."""
        assert isinstance(record.command, c.ListInstrument | c.ChangeInstrument)
        i = record.command.instrument
        self.standing.instruments[i.symbol_id] = i
        for order in self.standing.orders.values():
            if order.instrument.symbol_id == i.symbol_id:
                order.instrument = i
        payload: Payload = {
            "symbol": i.symbol,
            "symbol_id": str(i.symbol_id),
            "kind": i.kind.name,
            "base": self.standing.assets[i.base_asset_id].name,
            "quote": self.standing.assets[i.quote_asset_id].name,
            "tick": str(i.tick),
            "lot": str(i.lot),
            "min_quantity": i.format_qty(i.min_qty),
            "max_quantity": i.format_qty(i.max_qty),
            "min_notional": self.standing.amount(i.min_notional, i.quote_asset_id),
            "max_notional": self.standing.amount(i.max_notional, i.quote_asset_id),
            "maker_ppm": str(i.maker_ppm),
            "taker_ppm": str(i.taker_ppm),
            "band_ppm": str(i.band_ppm),
            "matching": i.matching.name,
            "max_leverage": str(i.max_leverage),
            "fee_account_id": str(i.fee_account_id),
            "pnl_account_id": str(i.pnl_account_id),
        }
        event_type = "InstrumentListed" if isinstance(record.command, c.ListInstrument) else "InstrumentChanged"
        self.tell(event_type, payload, symbol=i.symbol)

    def delisted(self, record: Record) -> None:
        """InstrumentDelisted."""
        assert isinstance(record.command, c.DelistInstrument)
        self._tell_symbol("InstrumentDelisted", record.command.symbol_id, {})

    def _tell_symbol(self, event_type: str, symbol_id: int, payload: Payload) -> str:
        symbol = self.instrument(symbol_id).symbol
        return self.tell(event_type, {"symbol": symbol, **payload}, symbol=symbol)

    # --- money

    def deposited(self, record: Record, event: e.Deposited) -> None:
        """DepositConfirmed, BalanceUpdated."""
        d = record.command
        assert isinstance(d, c.Deposit)
        payload: Payload = {
            "account_id": str(d.account_id),
            "asset": self.standing.assets[d.asset_id].name,
            "amount": self.standing.amount(d.amount, d.asset_id),
            "tx_id": d.deposit_ref,
            "confirmations": "0",
        }
        self.cause = self.tell("DepositConfirmed", payload, account=d.account_id)
        self.move(d.account_id, d.asset_id, d.amount, "DEPOSIT", d.deposit_ref)
        self.agree("available", event.available_after, self.standing.balance(d.account_id, d.asset_id).available)

    def transferred(self, record: Record, event: e.Transferred) -> None:
        """Transferred, BalanceUpdated of both accounts."""
        t = record.command
        assert isinstance(t, c.Transfer)
        payload: Payload = {
            "from_account_id": str(t.from_account_id),
            "to_account_id": str(t.to_account_id),
            "asset": self.standing.assets[t.asset_id].name,
            "amount": self.standing.amount(t.amount, t.asset_id),
        }
        self.cause = reference = self.tell("Transferred", payload)
        self.move(t.from_account_id, t.asset_id, -t.amount, "TRANSFER", reference)
        self.move(t.to_account_id, t.asset_id, t.amount, "TRANSFER", reference)
        own = [self.standing.balance(a, t.asset_id).available for a in (t.from_account_id, t.to_account_id)]
        self.agree("available", str([event.from_available, event.to_available]), str(own))

    def lent(self, event: e.Borrowed | e.Repaid) -> None:
        """Borrowed or Repaid, BalanceUpdated of the lending account and the borrower's."""
        account_id, asset_id = event.account_id, event.asset_id
        lender = self.standing.lenders.get(asset_id, 0)
        if not lender:
            raise self.disagree(f"asset {asset_id} has no lending account")
        balance = self.standing.balance(account_id, asset_id)
        amount = event.amount if isinstance(event, e.Borrowed) else -event.amount
        balance.loan += amount
        self.agree("loan", event.loan, balance.loan)
        payload: Payload = {
            "account_id": str(account_id),
            "lending_account_id": str(lender),
            "asset": self.standing.assets[asset_id].name,
            "amount": self.standing.amount(event.amount, asset_id),
            "loan_after": self.standing.amount(event.loan, asset_id),
        }
        name = type(event).__name__
        told = self.tell(name, payload, account=account_id)
        first, second = ((lender, -amount), (account_id, amount))[:: 1 if amount > 0 else -1]
        for party, delta in (first, second):
            self.move(party, asset_id, delta, name.upper(), told, told)

    def debt_covered(self, record: Record, event: e.DebtCovered) -> None:
        """DebtCovered, BalanceUpdated of payer and clearing PnL account."""
        cover = record.command
        assert isinstance(cover, c.CoverDebt)
        i = self.instrument(cover.symbol_id)
        payload: Payload = {
            "position_id": f"{cover.account_id}:{cover.symbol_id}",
            "payer_account_id": str(cover.payer_account_id),
            "amount": self.standing.amount(cover.amount, i.quote_asset_id),
            "asset": self.standing.assets[i.quote_asset_id].name,
        }
        self.cause = reference = self.tell("DebtCovered", payload, account=cover.account_id)
        self.move(cover.payer_account_id, i.quote_asset_id, -cover.amount, "DEBT", reference)
        self.move(i.pnl_account_id, i.quote_asset_id, cover.amount, "DEBT", reference)
        payer = self.standing.balance(cover.payer_account_id, i.quote_asset_id)
        self.agree("available", event.payer_available, payer.available)

    # --- markets

    def mark_set(self, record: Record) -> None:
        """MarkPriceUpdated; index and funding are not known here."""
        command = record.command
        assert isinstance(command, c.SetMark)
        self.standing.marks[command.symbol_id] = command.price
        price = self.instrument(command.symbol_id).format_price(command.price)
        payload: Payload = {"mark_price": price, "index_price": None, "funding_rate": None}
        self.mover = self._tell_symbol("MarkPriceUpdated", command.symbol_id, payload)

    def breaker_triggered(self, event: e.BreakerTriggered) -> None:
        """CircuitBreakerTriggered; ``duration`` is in seconds."""
        from_now = format_minor(event.until_ns - self.record_ts_ns, 9)
        payload: Payload = {
            "reason": event.reason.name,
            "price_change": format_minor(event.change_ppm, 6),
            "duration": from_now,
            "until": event.until_ns,
        }
        self._tell_symbol("CircuitBreakerTriggered", event.symbol_id, payload)

    def breaker_released(self, event: e.BreakerReleased) -> None:
        """CircuitBreakerReleased."""
        self._tell_symbol("CircuitBreakerReleased", event.symbol_id, {})

    def uncrossed(self, event: e.Uncrossed) -> None:
        """AuctionUncrossed; its trades follow from it."""
        i = self.instrument(event.symbol_id)
        payload: Payload = {"price": i.format_price(event.price), "volume": i.format_qty(event.volume)}
        self.cause = self._tell_symbol("AuctionUncrossed", event.symbol_id, payload)

    def symbol_status_set(self, event: e.SymbolStatusSet) -> None:
        """SymbolStatusChanged."""
        self._tell_symbol("SymbolStatusChanged", event.symbol_id, {"status": event.status.name})

    def venue_status_set(self, record: Record) -> None:
        """VenueStatusChanged."""
        assert isinstance(record.command, c.SetVenueStatus)
        self.tell("VenueStatusChanged", {"status": record.command.status.name})

    # --- accounts and sessions

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
                raise self.disagree(f"{type(command).__name__} changes no account")

    def _tell_account(self, event_type: str, account_id: int, payload: Payload) -> None:
        self.tell(event_type, {"account_id": str(account_id), **payload}, account=account_id)

    def collateral_set(self, record: Record) -> None:
        """CollateralChanged."""
        command = record.command
        assert isinstance(command, c.SetCollateral)
        self.standing.lenders[command.asset_id] = command.lending_account_id
        payload: Payload = {
            "asset": self.standing.assets[command.asset_id].name,
            "weight": format_minor(command.weight_ppm, 6),
            "lending_account_id": str(command.lending_account_id),
        }
        self.tell("CollateralChanged", payload)

    def kill_switch_set(self, event: e.KillSwitchSet) -> None:
        """KillSwitchSet."""
        self.tell("KillSwitchSet", {"session_id": str(event.session_id), "is_on": bool(event.is_on)})

    def mass_canceled(self, event: e.MassCanceled) -> None:
        """MassCanceled."""
        self.tell("MassCanceled", {"canceled": str(event.canceled), "remaining": str(event.remaining)})

    def command_refused(self, record: Record, code: int) -> None:
        """CommandRefused, MassCancelRejected."""
        self.tell("CommandRefused", {"command": type(record.command).__name__, **reason_of(code)})
