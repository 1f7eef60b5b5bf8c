"""OrderCancelReject <9>: a cancel or replace that was refused."""

from __future__ import annotations

from engine.api.commands import ReplaceOrder
from engine.api.ids import order_id_text
from engine.api.rejects import meaning_of
from fixgw import reports as r
from fixgw.outbound.fields import NO_ORDER_ID, ORD_STATUS, Times, refusal_text


class OrderCancelReject:
    """Writes the bodies."""

    def __init__(self, times: Times) -> None:
        self._times = times

    def body(self, report: r.CancelReject) -> str:
        """Write all fields but the header; an order that exists is named, with the state it is in."""
        request, order = report.request, report.order
        response_to = 2 if isinstance(request, ReplaceOrder) else 1
        order_id = order_id_text(order.order_id, order.ts_ns) if order else NO_ORDER_ID
        orig_cl_ord_id = request.orig_cl_ord_id or report.cl_ord_id or NO_ORDER_ID
        return (
            f"37={order_id}\x0111={request.cl_ord_id}\x0141={orig_cl_ord_id}\x0139={ORD_STATUS[report.state]}\x01"
            f"434={response_to}\x01102={meaning_of(report.code).cxl_rej_reason}\x0160={self._times.text(report.ts_ns)}\x01"
            f"20018={report.seq}\x01{refusal_text(report.code)}"
        )
