"""Money: balances move here and nowhere else.

Because a balance changes only by telling so, no change of a balance is without its event (EVT-03).
"""

from __future__ import annotations

from engine.api.ids import AccountId, AssetId
from taxonomy.envelope import Payload
from taxonomy.rebuilt import Order
from taxonomy.teller import Teller


class Money:
    """What moves balances and tells it."""

    def __init__(self, teller: Teller) -> None:
        self._teller = teller
        self._rebuilt = teller.rebuilt

    def move(
        self, account_id: AccountId, asset_id: AssetId, delta: int, reason: str, reference: str, cause: str = ""
    ) -> None:
        """Add ``delta`` to an available balance, if it is not zero."""
        if not delta:
            return
        balance = self._rebuilt.balance(account_id, asset_id)
        balance.available += delta
        payload: Payload = {
            "account_id": str(account_id),
            "asset": self._rebuilt.assets[asset_id].name,
            "delta": self._rebuilt.amount(delta, asset_id),
            "balance_after": self._rebuilt.amount(balance.total, asset_id),
            "available_after": self._rebuilt.amount(balance.available, asset_id),
            "update_reason": reason,
            "reference_id": reference,
        }
        self._teller.tell("BalanceUpdated", payload, cause, account_id)

    def reserve(
        self,
        account_id: AccountId,
        asset_id: AssetId,
        amount: int,
        reason: str,
        order: Order | None = None,
        cause: str = "",
    ) -> None:
        """Move ``amount`` from available to locked, or, where it is negative, back; nothing if it is zero."""
        if not amount:
            return
        balance = self._rebuilt.balance(account_id, asset_id)
        balance.available -= amount
        balance.locked += amount
        text = order.text if order else None
        payload: Payload = {
            "account_id": str(account_id),
            "amount": self._rebuilt.amount(abs(amount), asset_id),
            "asset": self._rebuilt.assets[asset_id].name,
            "reason": reason,
            "order_id": text,
        }
        event_type = "MarginReserved" if amount > 0 else "MarginReleased"
        self._teller.tell(event_type, payload, cause, account_id, text)
