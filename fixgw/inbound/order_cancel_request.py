"""OrderCancelRequest <F>."""

from __future__ import annotations

from engine.api.commands import ABSENT, CancelOrder, Command
from engine.api.ids import UNRESOLVED, AccountId, SymbolId
from engine.api.rejects import ErrorCode
from fixgw.directory import Directory
from fixgw.inbound.fields import Fields, Sender, TimeWindow, account_of, is_cl_ord_id, is_resend, order_id_of
from fixgw.outbound.business_message_reject import BusinessReject, conditional, refusal


class OrderCancelRequest:
    """Converts the request."""

    def __init__(self, directory: Directory, window: TimeWindow) -> None:
        self._directory = directory
        self._window = window

    def command(self, fields: Fields, sender: Sender, now_s: float) -> Command | BusinessReject:
        """Convert the request; OrderID <37> wins over OrigClOrdID <41>."""
        return self._wrong(fields, now_s) or CancelOrder(
            fields["11"],
            fields.get("41", ""),
            order_id_of(fields),
            account_of(fields, sender, self._directory) if "1" in fields else AccountId(ABSENT),
            self._symbol_id(fields),
            ord(fields["54"]) if "54" in fields else ABSENT,
            is_resend(fields),
        )

    def _wrong(self, fields: Fields, now_s: float) -> BusinessReject | None:
        orig_cl_ord_id = fields.get("41", "")
        if not is_cl_ord_id(fields["11"]):
            return refusal(ErrorCode.UNSUPPORTED, 11)
        if "37" not in fields and not orig_cl_ord_id:
            return conditional(41)
        if orig_cl_ord_id and not is_cl_ord_id(orig_cl_ord_id):
            return refusal(ErrorCode.UNSUPPORTED, 41)
        if self._window.is_stale(fields["60"], now_s):
            return refusal(ErrorCode.STALE, 60)
        return None

    def _symbol_id(self, fields: Fields) -> SymbolId:
        if "55" not in fields:
            return SymbolId(ABSENT)
        market = self._directory.symbols.get(fields["55"])
        return market.instrument.symbol_id if market else SymbolId(UNRESOLVED)
