"""Accounts as they stand, folded from the log: status, limits and margin state; their names are in the registry."""

from __future__ import annotations

from dataclasses import dataclass

from engine.api import commands as c
from engine.api import events as e
from engine.api.enums import AccountStatus, MarginState
from engine.api.wire import Record


@dataclass(slots=True)
class Account:
    """What operations set of an account. Units: ``position_notional_max`` quote minor units; 0 is no limit."""

    status: AccountStatus = AccountStatus.ACTIVE
    margin_state: MarginState = MarginState.NORMAL
    tier: int = 1
    leverage_max: int = 0
    position_notional_max: int = 0


class Accounts:
    """Every account that was opened, by number."""

    def __init__(self) -> None:
        self.by_id: dict[int, Account] = {}

    def apply(self, record: Record, event: e.Event) -> None:
        """Take over what an event says about an account."""
        command = record.command
        match event:
            case e.AccountOpened() if isinstance(command, c.OpenAccount):
                self.by_id[command.account_id] = Account()
            case e.AccountStatusSet() if isinstance(command, c.SetAccountStatus):
                self.by_id[command.account_id].status = command.status
            case e.MarginStateSet() if isinstance(command, c.SetMarginState):
                self.by_id[command.account_id].margin_state = command.state
            case e.AccountLimitsSet() if isinstance(command, c.SetAccountLimits):
                account = self.by_id[command.account_id]
                account.tier, account.leverage_max = command.tier, command.leverage_max
                account.position_notional_max = command.position_notional_max
            case _:
                pass
