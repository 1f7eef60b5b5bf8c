"""Reports: what members are told, one record a kind, with the facts its text is made of as they were at its event.

No text is made here, so a long log folds quickly. :mod:`fixgw.outbound` writes them.

::

    Report
    |-- OrderReport          an accepted order, as it stood
    |   |-- New
    |   |-- Trade
    |   |-- Canceled
    |   |-- Expired
    |   |-- Replaced
    |   |-- Restated
    |   |-- Triggered
    |   `-- Status           answers a status request
    |-- UnknownStatus        answers a status request about no order
    |-- Rejected             an order that never was
    `-- CancelReject         a cancel or replace that was refused
"""

from __future__ import annotations

import msgspec

from engine.api import events as e
from engine.api.commands import CancelOrder, NewOrder, RefuseOrder, ReplaceOrder
from engine.api.enums import OrderState, RestateReason
from engine.api.ids import OrderId, Seq, SessionId
from engine.api.units import Lots, TimestampNs
from engine.standing import Order


class Report(msgspec.Struct, frozen=True):
    """What all have: where in the log it comes from, and who gets it.

    ``ordinal`` orders the reports of one record and is one more than the last number of ExecID <17>;
    ``sessions`` get it on order entry, ``origin`` is the session that entered the order (or sent the request).
    """

    seq: Seq
    ordinal: int
    ts_ns: TimestampNs
    origin: SessionId
    sessions: tuple[SessionId, ...]


class OrderReport(Report, frozen=True):
    """An accepted order as it stood then: the order itself changes. Units: as of :class:`engine.standing.Order`."""

    order_id: OrderId
    accepted_ns: TimestampNs
    terms: NewOrder
    state: OrderState
    cum_qty: Lots
    cum_notional: int
    leaves_qty: Lots
    is_suspended: bool


class New(OrderReport, frozen=True):
    """ExecType <150> 0: the order is in force."""


class Trade(OrderReport, frozen=True):
    """ExecType <150> F: one side of a match."""

    match: e.Traded
    is_maker: bool


class Canceled(OrderReport, frozen=True):
    """ExecType <150> 4. ``request`` is the ClOrdID <11> of the cancel or replace that asked for it, else empty."""

    code: int
    request: str


class Expired(OrderReport, frozen=True):
    """ExecType <150> C."""

    code: int


class Replaced(OrderReport, frozen=True):
    """ExecType <150> 5. ``orig_cl_ord_id`` is the ClOrdID <11> it had before."""

    orig_cl_ord_id: str


class Restated(OrderReport, frozen=True):
    """ExecType <150> D: the engine changed the order by itself; 9 where it took it out of the market for a time."""

    reason: RestateReason
    is_working: bool


class Triggered(OrderReport, frozen=True):
    """ExecType <150> L: a stop was elected."""


class Status(OrderReport, frozen=True):
    """ExecType <150> I. ``last_exec`` is the ``(seq, n)`` of the order's last report."""

    last_exec: tuple[Seq, int]
    ord_status_req_id: str


class UnknownStatus(Report, frozen=True):
    """ExecType <150> I about an order that does not exist, named by ``cl_ord_id`` or not at all."""

    cl_ord_id: str
    ord_status_req_id: str


class Rejected(Report, frozen=True):
    """ExecType <150> 8. ``original`` is the order that holds the ClOrdID already, when that is the reason."""

    request: NewOrder | RefuseOrder
    code: int
    original: Order | None


class CancelReject(Report, frozen=True):
    """OrderCancelReject <9>. ``cl_ord_id`` is that of the order as it stood, empty when there is none."""

    request: CancelOrder | ReplaceOrder
    code: int
    state: OrderState
    order: Order | None
    cl_ord_id: str
