"""ExecutionReport <8>: the one place that knows which fields each ExecType <150> carries."""

from __future__ import annotations

from engine.api.commands import NewOrder, RefuseOrder
from engine.api.enums import OrderState, RestateReason
from engine.api.ids import OrderId, Seq, exec_id, order_id_text, trade_id_text
from engine.api.rejects import ErrorCode, meaning_of
from engine.api.units import Lots, Step, format_minor
from fixgw import reports as r
from fixgw.directory import Directory, Market
from fixgw.outbound.fields import (
    NO_ORDER_ID,
    ORD_STATUS,
    SIDE_UNDISCLOSED,
    UNKNOWN_SYMBOL,
    Times,
    echo,
    refusal_text,
)

AVG_PX_DECIMALS = 8
"""Least scale of AvgPx <6>, as of the books. The only figure that is rounded, ties away from zero (RES-62)."""

REPRICING, PARTIAL_DECLINE, MARKET_OPTION, OTHER = 3, 5, 8, 99
"""ExecRestatementReason <378>."""

SUSPENDED = "9"
"""OrdStatus <39> and ExecType <150>."""


class ExecutionReport:
    """Writes the bodies, a method an ExecType. ``epoch`` is the log's, part of every ExecID <17>."""

    def __init__(self, directory: Directory, times: Times) -> None:
        self._directory = directory
        self._times = times
        self._terms_texts: dict[OrderId, tuple[NewOrder, str]] = {}
        """Of open orders: the terms told last, and their text."""
        self.epoch = 0

    def body(self, report: r.Report) -> str:
        """Write all fields but the header, by the kind of report."""
        match report:
            case r.Trade():
                return self._trade(report)
            case r.New():
                return self._new(report)
            case r.Canceled():
                return self._canceled(report)
            case r.Expired():
                return self._expired(report)
            case r.Replaced():
                return self._replaced(report)
            case r.Restated():
                return self._restated(report)
            case r.Triggered():
                return self._triggered(report)
            case r.Status():
                return self._status(report)
            case r.UnknownStatus():
                return self._unknown_status(report)
            case r.Rejected():
                return self._rejected(report)
            case _:
                raise AssertionError(f"{type(report).__name__} is no execution report")

    # --- an order that was accepted -----------------------------------------------------------------------

    def _new(self, report: r.New) -> str:
        """Write 150=0."""
        working = "636=N\x01" if report.terms.ord_type.is_stop else "636=Y\x01"
        return self._of_order("0", report, report.terms.cl_ord_id) + working + echo(report.terms.text)

    def _trade(self, report: r.Trade) -> str:
        """Write 150=F."""
        match, market = report.match, self._market_of(report)
        fee = match.maker_fee if report.is_maker else match.taker_fee
        trade_id = trade_id_text(report.seq, (report.ordinal - 1) >> 1, report.ts_ns)
        gross = match.last_px * match.last_qty * market.tick_lot_minor
        return (
            f"{self._of_order('F', report, report.terms.cl_ord_id)}"
            f"31={market.instrument.format_price(match.last_px)}\x01"
            f"32={market.instrument.format_qty(match.last_qty)}\x01880={trade_id}\x01527={trade_id}\x01"
            f"851={1 if report.is_maker else 2}\x0175={self._times.text(report.ts_ns)[:8]}\x01136=1\x01"
            f"137={format_minor(fee, market.quote_decimals)}\x01138={market.quote}\x01139=4\x01"
            f"381={format_minor(gross, market.quote_decimals)}\x01{echo(report.terms.text)}"
        )

    def _canceled(self, report: r.Canceled) -> str:
        """Write 150=4: as the answer to a request, as told by a mass cancel, or unasked with a reason."""
        code, orig_cl_ord_id = report.code, report.terms.cl_ord_id
        if report.request:
            why = "" if code == ErrorCode.USER_REQUESTED else refusal_text(code)
            return f"{self._of_order('4', report, report.request)}41={orig_cl_ord_id}\x01{why}"
        body = self._of_order("4", report, orig_cl_ord_id)
        if code == ErrorCode.MASS_CANCELED:
            return body + refusal_text(code)
        reason = MARKET_OPTION if code == ErrorCode.POST_ONLY_WOULD_TAKE else OTHER
        return f"{body}378={reason}\x01{refusal_text(code)}"

    def _expired(self, report: r.Expired) -> str:
        """Write 150=C."""
        return self._of_order("C", report, report.terms.cl_ord_id) + refusal_text(report.code)

    def _replaced(self, report: r.Replaced) -> str:
        """Write 150=5."""
        body = self._of_order("5", report, report.terms.cl_ord_id)
        return f"{body}41={report.orig_cl_ord_id}\x01{echo(report.terms.text)}"

    def _restated(self, report: r.Restated) -> str:
        """Write 150=D; 150=9 when the order stands outside the market from now on."""
        if report.reason is RestateReason.SUSPENDED:
            return self._of_order(SUSPENDED, report, report.terms.cl_ord_id) + "636=N\x01"
        body = self._of_order("D", report, report.terms.cl_ord_id)
        match report.reason:
            case RestateReason.RESUMED:
                return f"{body}378={OTHER}\x01636={'Y' if report.is_working else 'N'}\x01"
            case RestateReason.SLIDE:
                return f"{body}378={REPRICING}\x01"
            case _:
                return f"{body}378={PARTIAL_DECLINE}\x01"

    def _triggered(self, report: r.Triggered) -> str:
        """Write 150=L."""
        return self._of_order("L", report, report.terms.cl_ord_id) + "636=Y\x01"

    def _status(self, report: r.Status) -> str:
        """Write 150=I, with the ExecID of the order's last report."""
        terms = report.terms
        return (
            f"{self._of_status(report, _ord_status(report), report.last_exec, report.ord_status_req_id)}"
            f"11={terms.cl_ord_id}\x01{self._terms(report)}{self._progress(report)}{echo(terms.text)}"
        )

    # --- an order that never was --------------------------------------------------------------------------

    def _unknown_status(self, report: r.UnknownStatus) -> str:
        """Write 150=I about no order."""
        last_exec = (report.seq, report.ordinal - 1)
        named = f"11={report.cl_ord_id}\x01" if report.cl_ord_id else ""
        return (
            f"{self._of_status(report, ORD_STATUS[OrderState.UNKNOWN], last_exec, report.ord_status_req_id)}{named}"
            f"37={NO_ORDER_ID}\x0155={UNKNOWN_SYMBOL}\x0154={SIDE_UNDISCLOSED}\x01151=0\x0114=0\x016=0\x01"
            f"103=5\x01{refusal_text(ErrorCode.UNKNOWN_ORDER)}"
        )

    def _rejected(self, report: r.Rejected) -> str:
        """Write 150=8: no OrderID, the terms as the member wrote them."""
        request, original = report.request, report.original
        tag = f"20006={request.ref_tag}\x01" if isinstance(request, RefuseOrder) and request.ref_tag else ""
        holder = f"198={order_id_text(original.order_id, original.ts_ns)}\x01" if original else ""
        terms = self._written_terms(request) if isinstance(request, RefuseOrder) else self._asked_terms(request)
        return (
            f"{self._identity('8', report, ORD_STATUS[OrderState.REJECTED], request.cl_ord_id)}37={NO_ORDER_ID}\x01"
            f"{terms}"
            f"151=0\x0114=0\x016=0\x01103={meaning_of(report.code).ord_rej_reason}\x01{refusal_text(report.code)}{tag}{holder}"
        )

    # --- parts --------------------------------------------------------------------------------------------

    def _identity(self, exec_type: str, report: r.Report, ord_status: str, cl_ord_id: str) -> str:
        """Write what every execution report but an answer to a status request begins with."""
        return (
            f"17={self.epoch}-{report.seq}-{report.ordinal - 1}\x01150={exec_type}\x01"
            f"39={ord_status}\x0111={cl_ord_id}\x01"
            f"60={self._times.text(report.ts_ns)}\x0120018={report.seq}\x01"
        )

    def _of_status(self, report: r.Report, ord_status: str, last_exec: tuple[Seq, int], ord_status_req_id: str) -> str:
        seq, number = last_exec
        asked = f"790={ord_status_req_id}\x01" if ord_status_req_id else ""
        return (
            f"17={exec_id(self.epoch, seq, number >> 1, bool(number & 1))}\x01150=I\x0139={ord_status}\x01"
            f"60={self._times.text(report.ts_ns)}\x0120018={report.seq}\x01{asked}"
        )

    def _of_order(self, exec_type: str, report: r.OrderReport, cl_ord_id: str) -> str:
        """Write identity, terms and progress. The terms' text is kept while they are in force."""
        terms, text = self._terms_texts.get(report.order_id, (None, ""))
        if terms is not report.terms:
            text = self._terms(report)
        if report.leaves_qty:
            self._terms_texts[report.order_id] = (report.terms, text)
        else:
            self._terms_texts.pop(report.order_id, None)
        return self._identity(exec_type, report, _ord_status(report), cl_ord_id) + text + self._progress(report)

    def _market_of(self, report: r.OrderReport) -> Market:
        return self._directory.market_of(report.terms.symbol_id, report.order_id)

    def _terms(self, report: r.OrderReport) -> str:
        terms, instrument = report.terms, self._market_of(report).instrument
        stop = f"99={instrument.format_price(terms.stop_px)}\x01" if terms.stop_px else ""
        price = f"44={instrument.format_price(terms.price)}\x01" if terms.price else ""
        account = self._directory.account(terms.account_id)
        return (
            f"37={order_id_text(report.order_id, report.accepted_ns)}\x011={account}\x01"
            f"55={instrument.symbol}\x0154={terms.side:c}\x0138={instrument.format_qty(terms.order_qty)}\x01"
            f"40={terms.ord_type:c}\x01{price}{stop}59={terms.time_in_force:c}\x01"
        )

    def _progress(self, report: r.OrderReport) -> str:
        instrument = self._market_of(report).instrument
        leaves_qty = instrument.format_qty(report.leaves_qty)
        if not report.cum_qty:
            return f"151={leaves_qty}\x0114=0\x016=0\x01"
        avg_px = _avg_px(report.cum_notional, report.cum_qty, instrument.tick)
        return f"151={leaves_qty}\x0114={instrument.format_qty(report.cum_qty)}\x016={avg_px}\x01"

    def _asked_terms(self, command: NewOrder) -> str:
        """Write what a rejected order asked for, as far as its symbol is known."""
        market = self._directory.markets.get(command.symbol_id)
        if market is None:
            return f"55={UNKNOWN_SYMBOL}\x0154={command.side:c}\x01"
        instrument = market.instrument
        fields = (
            (1, self._directory.account(command.account_id)),
            (55, instrument.symbol),
            (54, chr(command.side)),
            (38, instrument.format_qty(command.order_qty)),
            (40, chr(command.ord_type)),
            (44, instrument.format_price(command.price) if command.price else ""),
            (59, chr(command.time_in_force)),
        )
        return _present(fields)

    def _written_terms(self, command: RefuseOrder) -> str:
        """Write what a member wrote that could not be expressed."""
        fields = (
            (1, self._directory.account(command.account_id)),
            (55, command.symbol or UNKNOWN_SYMBOL),
            (54, chr(command.side)),
            (38, command.order_qty),
            (40, chr(command.ord_type)),
            (44, command.price),
            (59, chr(command.time_in_force)),
        )
        return _present(fields)


def _ord_status(report: r.OrderReport) -> str:
    """OrdStatus <39>: 9 while the order stands outside the market."""
    return SUSPENDED if report.is_suspended else ORD_STATUS[report.state]


def _present(fields: tuple[tuple[int, str], ...]) -> str:
    return "".join(f"{tag}={value}\x01" for tag, value in fields if value)


def _avg_px(cum_notional: int, cum_qty: Lots, tick: Step) -> str:
    decimals = max(AVG_PX_DECIMALS, tick.decimals)
    scaled = cum_notional * tick.mantissa * int(10 ** (decimals - tick.decimals))
    whole, rest = divmod(scaled, cum_qty)
    if 2 * rest >= cum_qty:
        whole += 1
    return format_minor(whole, decimals)
