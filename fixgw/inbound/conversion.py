"""The messages members may send on order entry, and what converts each."""

from __future__ import annotations

from engine.api.commands import Command
from fixgw.directory import Directory
from fixgw.inbound.fields import Fields, Sender, TimeWindow
from fixgw.inbound.new_order_single import NewOrderSingle
from fixgw.inbound.order_cancel_request import OrderCancelRequest
from fixgw.inbound.order_status_request import order_status_request
from fixgw.outbound.business_message_reject import UNSUPPORTED, BusinessReject


class Inbound:
    """Converts messages by their MsgType <35>. Safe to call from several threads: it only reads the directory."""

    def __init__(self, directory: Directory) -> None:
        window = TimeWindow()
        self._convert = {
            "D": NewOrderSingle(directory, window).command,
            "F": OrderCancelRequest(directory, window).command,
            "H": order_status_request,
        }

    def command(self, fields: Fields, sender: Sender, now_s: float) -> Command | BusinessReject:
        """Convert one application message. Cost: about 5 us for an order."""
        convert = self._convert.get(fields["35"])
        return UNSUPPORTED if convert is None else convert(fields, sender, now_s)
