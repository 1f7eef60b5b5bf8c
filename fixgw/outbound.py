"""Reports as FIX text: the one place that knows which fields each ExecType carries.

Order entry and drop copy send the same body; QuickFIX puts the header before it and sorts the fields by tag.
Source: rules of engagement, section 7.
"""

from __future__ import annotations

import time

from engine.api import events as e
from engine.api.commands import CancelOrder, MassCancel, NewOrder, RefuseOrder, ReplaceOrder, RequestOrderStatus
from engine.api.enums import OrderState, RestateReason, Side
from engine.api.ids import exec_id, order_id_text, trade_id_text
from engine.api.rejects import FIX_TWINS, ErrorCode
from engine.api.units import format_minor
from fixgw.order_chain import (
    CANCEL_REJECT,
    CANCELED,
    EXPIRED,
    NEW,
    REJECTED,
    REPLACED,
    RESTATED,
    STATUS,
    TRADE,
    TRIGGERED,
    Order,
    Report,
)
from fixgw.registry import Registry

SOH = "\x01"
AVG_PX_DECIMALS = 8
"""Least scale of AvgPx <6>, as of the books. The only figure that is rounded, ties away from zero (RES-62)."""

UNKNOWN_SYMBOL, SIDE_UNDISCLOSED, NO_ORDER_ID = "[N/A]", "7", "NONE"
"""Symbol <55>, Side <54> and OrderID <37> of an answer about an order that does not exist."""

ORD_STATUS = {
    OrderState.PENDING: "0",
    OrderState.PARTIAL: "1",
    OrderState.FILLED: "2",
    OrderState.CANCELED: "4",
    OrderState.REJECTED: "8",
    OrderState.EXPIRED: "C",
    OrderState.UNKNOWN: "8",
}
"""OrdStatus <39> of each state of the engine."""


def refusal_text(code: int) -> str:
    """Write Text <58> and ErrorCode <20016> of a refusal, with the closing SOH."""
    try:
        text = FIX_TWINS[ErrorCode(code)].text
    except (KeyError, ValueError):
        text = "unassigned"
    return f"58={code}: {text}\x0120016={code}\x01"


def ord_rej_reason(code: int) -> int:
    """Return OrdRejReason <103> for an ErrorCode."""
    return FIX_TWINS[ErrorCode(code)].ord_rej_reason if code in FIX_TWINS else 99


def cxl_rej_reason(code: int) -> int:
    """Return CxlRejReason <102> for an ErrorCode."""
    return FIX_TWINS[ErrorCode(code)].cxl_rej_reason if code in FIX_TWINS else 99


class Writer:
    """Writes the bodies of reports. ``epoch`` is the log's, part of every ExecID; set it before the first."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self.epoch = 0
        self._second, self._second_text = -1, ""
        self._write = {
            NEW: self._new,
            TRADE: self._trade,
            CANCELED: self._canceled,
            EXPIRED: self._expired,
            REJECTED: self._rejected,
            STATUS: self._status,
            CANCEL_REJECT: self._cancel_reject,
            REPLACED: self._replaced,
            RESTATED: self._restated,
            TRIGGERED: self._triggered,
        }

    def body(self, report: Report) -> str:
        """Write all fields of a report but the header, each with its closing SOH."""
        return self._write[report.kind](report)

    def _time(self, ts_ns: int) -> str:
        """Write a UTCTimestamp with microseconds; what is finer is cut off (FIX-14)."""
        second, rest = divmod(ts_ns, 1_000_000_000)
        if second != self._second:
            self._second, self._second_text = second, time.strftime("%Y%m%d-%H:%M:%S", time.gmtime(second))
        return f"{self._second_text}.{rest // 1000:06d}"

    def _terms(self, order: Order, command: NewOrder) -> str:
        """Write an accepted order's terms: they change only when it is replaced or restated."""
        instrument = order.market.instrument
        stop = f"99={instrument.format_price(command.stop_px)}\x01" if command.stop_px else ""
        price = f"44={instrument.format_price(command.price)}\x01" if command.price else ""
        return (
            f"37={order_id_text(order.order_id, order.ts_ns)}\x011={self._registry.account(order.account_id)}\x01"
            f"55={instrument.symbol}\x0154={command.side:c}\x0138={instrument.format_qty(command.order_qty)}\x01"
            f"40={command.ord_type:c}\x01{price}{stop}59={command.time_in_force:c}\x01"
        )

    def _progress(self, report: Report, order: Order) -> str:
        instrument = order.market.instrument
        leaves_qty = instrument.format_qty(report.leaves_qty)
        if not report.cum_qty:
            return f"151={leaves_qty}\x0114=0\x016=0\x01"
        cum_qty = instrument.format_qty(report.cum_qty)
        return f"151={leaves_qty}\x0114={cum_qty}\x016={self._avg_px(report, order)}\x01"

    @staticmethod
    def _avg_px(report: Report, order: Order) -> str:
        tick = order.market.instrument.tick
        decimals = max(AVG_PX_DECIMALS, tick.decimals)
        scaled = report.cum_notional * tick.mantissa * int(10 ** (decimals - tick.decimals))
        whole, rest = divmod(scaled, report.cum_qty)
        if 2 * rest >= report.cum_qty:
            whole += 1
        return format_minor(whole, decimals)

    def _identity(self, report: Report, cl_ord_id: str) -> str:
        """Write what every execution report begins with."""
        return (
            f"17={self.epoch}-{report.seq}-{report.ordinal - 1}\x01150={report.kind}\x01"
            f"39={ORD_STATUS[report.state]}\x0111={cl_ord_id}\x01"
            f"60={self._time(report.ts_ns)}\x0120018={report.seq}\x01"
        )

    def _of_order(self, report: Report, cl_ord_id: str) -> str:
        order = report.order
        assert order is not None
        assert report.terms is not None
        if report.terms is not order.command:
            terms = self._terms(order, report.terms)
        else:
            terms = order.terms or self._terms(order, report.terms)
            order.terms = terms if report.leaves_qty else ""
        return self._identity(report, cl_ord_id) + terms + self._progress(report, order)

    def _new(self, report: Report) -> str:
        command = report.command
        assert isinstance(command, NewOrder)
        working = "636=N\x01" if command.ord_type.is_stop else "636=Y\x01"
        return self._of_order(report, command.cl_ord_id) + working + _echo(command.text)

    def _trade(self, report: Report) -> str:
        order, event, terms = report.order, report.event, report.terms
        assert order is not None and isinstance(event, e.Traded) and terms is not None
        market = order.market
        is_maker = not report.ordinal & 1
        index = (report.ordinal - 1) >> 1
        fee = event.maker_fee if is_maker else event.taker_fee
        trade_id = trade_id_text(report.seq, index, report.ts_ns)
        gross = event.last_px * event.last_qty * market.tick_lot_minor
        return (
            f"{self._of_order(report, terms.cl_ord_id)}31={market.instrument.format_price(event.last_px)}\x01"
            f"32={market.instrument.format_qty(event.last_qty)}\x01880={trade_id}\x01527={trade_id}\x01"
            f"851={1 if is_maker else 2}\x0175={self._time(report.ts_ns)[:8]}\x01136=1\x01"
            f"137={format_minor(fee, market.quote_decimals)}\x01138={market.quote}\x01139=4\x01"
            f"381={format_minor(gross, market.quote_decimals)}\x01{_echo(terms.text)}"
        )

    def _canceled(self, report: Report) -> str:
        command, event, terms = report.command, report.event, report.terms
        assert terms is not None and isinstance(event, e.OrderCanceled)
        if isinstance(command, CancelOrder) and event.code == ErrorCode.USER_REQUESTED:
            return self._of_order(report, command.cl_ord_id) + f"41={terms.cl_ord_id}\x01"
        if isinstance(command, ReplaceOrder) and event.code == ErrorCode.REPLACED_BELOW_FILLED:
            asked = f"41={terms.cl_ord_id}\x01{refusal_text(event.code)}"
            return self._of_order(report, command.cl_ord_id) + asked
        if isinstance(command, MassCancel) and event.code == ErrorCode.USER_REQUESTED:
            return self._of_order(report, terms.cl_ord_id) + refusal_text(event.code)
        reason = 8 if event.code == ErrorCode.POST_ONLY_WOULD_TAKE else 99
        return self._of_order(report, terms.cl_ord_id) + f"378={reason}\x01{refusal_text(event.code)}"

    def _expired(self, report: Report) -> str:
        terms, event = report.terms, report.event
        assert terms is not None and isinstance(event, e.OrderExpired)
        return self._of_order(report, terms.cl_ord_id) + refusal_text(event.code)

    def _replaced(self, report: Report) -> str:
        assert report.terms is not None
        return self._of_order(report, report.terms.cl_ord_id) + f"41={report.replaced}\x01{_echo(report.terms.text)}"

    def _restated(self, report: Report) -> str:
        terms, event = report.terms, report.event
        assert terms is not None and isinstance(event, e.OrderRestated)
        reason = 3 if event.reason is RestateReason.SLIDE else 5
        return self._of_order(report, terms.cl_ord_id) + f"378={reason}\x01"

    def _triggered(self, report: Report) -> str:
        assert report.terms is not None
        return self._of_order(report, report.terms.cl_ord_id) + "636=Y\x01"

    def _rejected(self, report: Report) -> str:
        """Write an order that never was: no OrderID, the terms as the member wrote them."""
        command, event = report.command, report.event
        assert isinstance(event, e.OrderRejected) and isinstance(command, NewOrder | RefuseOrder)
        tag = f"20006={command.ref_tag}\x01" if isinstance(command, RefuseOrder) and command.ref_tag else ""
        original = f"198={order_id_text(report.order.order_id, report.order.ts_ns)}\x01" if report.order else ""
        terms = self._written_terms(command) if isinstance(command, RefuseOrder) else self._asked_terms(command)
        return (
            f"{self._identity(report, command.cl_ord_id)}37={NO_ORDER_ID}\x01{terms}151=0\x0114=0\x016=0\x01"
            f"103={ord_rej_reason(event.code)}\x01{refusal_text(event.code)}{tag}{original}"
        )

    def _asked_terms(self, command: NewOrder) -> str:
        account = self._account(command.account_id)
        market = self._registry.markets.get(command.symbol_id)
        if market is None:
            return f"55={UNKNOWN_SYMBOL}\x0154={command.side:c}\x01"
        instrument = market.instrument
        price = f"44={instrument.format_price(command.price)}\x01" if command.price else ""
        return (
            f"{f'1={account}{SOH}' if account else ''}55={instrument.symbol}\x0154={command.side:c}\x01"
            f"38={instrument.format_qty(command.order_qty)}\x0140={command.ord_type:c}\x01{price}"
            f"59={command.time_in_force:c}\x01"
        )

    def _account(self, account_id: int) -> str:
        """Name an account a member asked for, nothing when it does not exist."""
        return self._registry.account(account_id) if account_id in self._registry.accounts else ""

    def _written_terms(self, command: RefuseOrder) -> str:
        account = self._account(command.account_id)
        fields = (
            (1, account),
            (55, command.symbol or UNKNOWN_SYMBOL),
            (54, chr(command.side)),
            (38, command.order_qty),
            (40, chr(command.ord_type)),
            (44, command.price),
            (59, chr(command.time_in_force)),
        )
        return "".join(f"{tag}={value}\x01" for tag, value in fields if value)

    def _status(self, report: Report) -> str:
        command, order = report.command, report.order
        request = command.ord_status_req_id if isinstance(command, RequestOrderStatus) else ""
        asked = f"790={request}\x01" if request else ""
        identity = (
            f"17={self._last_exec_id(report)}\x01150=I\x0139={ORD_STATUS[report.state]}\x01"
            f"60={self._time(report.ts_ns)}\x0120018={report.seq}\x01{asked}"
        )
        if order is None:
            cl_ord_id = getattr(command, "cl_ord_id", "")
            named = f"11={cl_ord_id}\x01" if cl_ord_id else ""
            return (
                f"{identity}{named}37={NO_ORDER_ID}\x0155={UNKNOWN_SYMBOL}\x0154={SIDE_UNDISCLOSED}\x01"
                f"151=0\x0114=0\x016=0\x01103=5\x01{refusal_text(ErrorCode.UNKNOWN_ORDER)}"
            )
        terms = report.terms
        assert terms is not None
        cl_ord_id = f"11={terms.cl_ord_id}\x01"
        return identity + cl_ord_id + self._terms(order, terms) + self._progress(report, order) + _echo(terms.text)

    def _last_exec_id(self, report: Report) -> str:
        seq, number = report.last_exec
        return exec_id(self.epoch, seq, number >> 1, bool(number & 1))

    def _cancel_reject(self, report: Report) -> str:
        command, event, order = report.command, report.event, report.order
        assert isinstance(command, CancelOrder | ReplaceOrder)
        assert isinstance(event, e.CancelRejected | e.ReplaceRejected)
        response_to = 2 if isinstance(command, ReplaceOrder) else 1
        order_id = order_id_text(order.order_id, order.ts_ns) if order else NO_ORDER_ID
        orig_cl_ord_id = command.orig_cl_ord_id or (report.terms.cl_ord_id if report.terms else NO_ORDER_ID)
        return (
            f"37={order_id}\x0111={command.cl_ord_id}\x0141={orig_cl_ord_id}\x0139={ORD_STATUS[report.state]}\x01"
            f"434={response_to}\x01102={cxl_rej_reason(event.code)}\x0160={self._time(report.ts_ns)}\x01"
            f"20018={report.seq}\x01{refusal_text(event.code)}"
        )


def _echo(text: str) -> str:
    return f"58={text}\x01" if text else ""


def message_type(report: Report) -> str:
    """Return MsgType <35> of a report."""
    return "9" if report.kind == CANCEL_REJECT else "8"


__all__ = ["ORD_STATUS", "SOH", "Side", "Writer", "cxl_rej_reason", "message_type", "ord_rej_reason", "refusal_text"]
