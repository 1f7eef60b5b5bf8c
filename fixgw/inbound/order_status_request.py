"""OrderStatusRequest <H>."""

from __future__ import annotations

from engine.api.commands import Command, RequestOrderStatus
from engine.api.rejects import ErrorCode
from fixgw.inbound.fields import Fields, Sender, is_cl_ord_id, order_id_of
from fixgw.outbound.business_message_reject import BusinessReject, conditional, refusal


def order_status_request(fields: Fields, sender: Sender, now_s: float) -> Command | BusinessReject:
    """Convert the request; OrderID <37> wins over ClOrdID <11>."""
    cl_ord_id, request = fields.get("11", ""), fields.get("790", "")
    if "37" not in fields and not cl_ord_id:
        return conditional(11)
    for tag, text in ((11, cl_ord_id), (790, request)):
        if text and not is_cl_ord_id(text):
            return refusal(ErrorCode.UNSUPPORTED, tag)
    return RequestOrderStatus(cl_ord_id, order_id_of(fields), request)
