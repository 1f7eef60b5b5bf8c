"""The events of registrations: what there is to trade, who may, and where their money is."""

from __future__ import annotations

from engine.api import commands as c
from engine.api.wire import Record
from taxonomy.envelope import Payload
from taxonomy.teller import Teller


class Registrations:
    """Expansion of the events about registrations."""

    def __init__(self, teller: Teller) -> None:
        self._teller = teller
        self._rebuilt = teller.rebuilt

    def registered(self, record: Record) -> None:
        """AccountCreated, and the registrations the taxonomy does not name."""
        rebuilt, command = self._rebuilt, record.command
        match command:
            case c.RegisterAsset():
                rebuilt.assets[command.asset_id] = command
                payload: Payload = {"asset": command.name, "decimals": str(command.decimals)}
                self._teller.tell("AssetRegistered", payload | {"asset_id": str(command.asset_id)})
            case c.RegisterFirm():
                self._teller.tell("FirmRegistered", {"firm_id": str(command.firm_id), "name": command.name})
            case c.RegisterSession():
                payload = {"session_id": str(command.session_id), "comp_id": command.comp_id}
                self._teller.tell(
                    "SessionRegistered", payload | {"firm_id": str(command.firm_id), "kind": command.kind.name}
                )
            case c.OpenAccount():
                rebuilt.accounts[command.account_id] = command
                payload = {"account_id": str(command.account_id), "account_type": command.kind.name}
                payload |= {"external_id": command.name, "firm_id": str(command.firm_id)}
                self._teller.tell("AccountCreated", payload, account=command.account_id)
            case _:
                raise self._teller.disagree(f"{type(command).__name__} registers nothing")

    def listed(self, record: Record) -> None:
        """InstrumentListed, InstrumentChanged."""
        assert isinstance(record.command, c.ListInstrument | c.ChangeInstrument)
        i = record.command.instrument
        self._rebuilt.instruments[i.symbol_id] = i
        for order in self._rebuilt.orders.values():
            if order.instrument.symbol_id == i.symbol_id:
                order.instrument = i
        payload: Payload = {
            "symbol": i.symbol,
            "symbol_id": str(i.symbol_id),
            "kind": i.kind.name,
            "base": self._rebuilt.assets[i.base_asset_id].name,
            "quote": self._rebuilt.assets[i.quote_asset_id].name,
            "tick": str(i.tick),
            "lot": str(i.lot),
            "min_quantity": i.format_qty(i.min_qty),
            "max_quantity": i.format_qty(i.max_qty),
            "min_notional": self._rebuilt.amount(i.min_notional, i.quote_asset_id),
            "max_notional": self._rebuilt.amount(i.max_notional, i.quote_asset_id),
            "maker_ppm": str(i.maker_ppm),
            "taker_ppm": str(i.taker_ppm),
            "band_ppm": str(i.band_ppm),
            "matching": i.matching.name,
            "max_leverage": str(i.max_leverage),
            "fee_account_id": str(i.fee_account_id),
            "pnl_account_id": str(i.pnl_account_id),
        }
        event_type = "InstrumentListed" if isinstance(record.command, c.ListInstrument) else "InstrumentChanged"
        self._teller.tell(event_type, payload, symbol=i.symbol)

    def delisted(self, record: Record) -> None:
        """InstrumentDelisted."""
        assert isinstance(record.command, c.DelistInstrument)
        self._teller.tell_symbol("InstrumentDelisted", record.command.symbol_id, {})
