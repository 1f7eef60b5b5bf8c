"""Requests about orders that were entered: cancel, mass cancel, kill switch, status (section 9)."""

from __future__ import annotations

from engine.api import commands as c
from engine.api import events as e
from engine.api import limits
from engine.api.enums import OrderState
from engine.api.rejects import ErrorCode
from tests.model.commands import Refused, refuse_if
from tests.model.entry import Entry
from tests.model.state import Order


class Requests(Entry):
    """Everything a member asks about its orders, besides changing one."""

    # --- which order is meant ---------------------------------------------------------------------------

    def find_order(self, source: int, order_id: int, cl_ord_id: str) -> Order | None:
        """Find an order of the source's firm by its id, or else by the source's own ClOrdID."""
        order = self.order_with(order_id) if order_id else self.order_named(source, cl_ord_id)
        return order if order is not None and self.acts_for(source, order.account_id) else None

    def find_target(self, source: int, request: c.CancelOrder | c.ReplaceOrder) -> Order | None:
        """Find the order a cancel or replace is about, if it is as described."""
        target = self.find_order(source, request.order_id, request.orig_cl_ord_id)
        if target is None:
            return None
        said = (request.account_id, request.symbol_id, request.side)
        is_so = (target.account_id, target.market.symbol_id, target.side)
        return target if all(a in (c.ABSENT, b) for a, b in zip(said, is_so, strict=True)) else None

    def check_target(self, source: int, request: c.CancelOrder | c.ReplaceOrder, target: Order | None) -> Order:
        """Check that there is an open order, and that the request has a name of its own."""
        refuse_if((source, request.cl_ord_id) in self.named, ErrorCode.DUPLICATE_CL_ORD_ID)
        if target is None:
            raise Refused(ErrorCode.UNKNOWN_ORDER)
        refuse_if(not target.is_open, ErrorCode.TOO_LATE)
        return target

    def report(self, order: Order | None) -> None:
        """Report an order's state, or that there is no such order."""
        self.tell(e.StatusReported(*identity(order)))

    # --- requests ---------------------------------------------------------------------------------------

    def request_status(self, source: int, request: c.RequestOrderStatus) -> None:
        self.report(self.find_order(source, request.order_id, request.cl_ord_id))

    def cancel_order(self, source: int, request: c.CancelOrder) -> None:
        """Cancel an open order, whatever the state of market, account and session."""
        known = self.order_named(source, request.cl_ord_id)
        if known is not None and request.poss_resend:
            return self.report(known)
        target = self.find_target(source, request)
        try:
            order = self.check_target(source, request, target)
        except Refused as refused:
            order_id, state = identity(target)
            return self.tell(e.CancelRejected(order_id, refused.code, state))
        self.name(source, request.cl_ord_id, order)
        return self.cancel(order, ErrorCode.USER_REQUESTED)

    def mass_cancel(self, source: int, request: c.MassCancel) -> None:
        """Cancel the open orders in scope, the oldest first, as many as one command may."""
        try:
            self.check_mass_cancel(source, request)
        except Refused as refused:
            return self.tell(e.MassCancelRejected(refused.code))
        in_scope = [order for order in self.open.values() if self.is_in_scope(source, request, order)]
        canceled = in_scope[: limits.CANCELS_PER_COMMAND_MAX]
        for order in canceled:
            self.cancel(order, request.code or ErrorCode.USER_REQUESTED)
        if request.kill:
            self.blocked.add(source)
            self.tell(e.KillSwitchSet(source, True))
        return self.tell(e.MassCanceled(len(canceled), len(in_scope) - len(canceled)))

    def check_mass_cancel(self, source: int, request: c.MassCancel) -> None:
        refuse_if(not self.may_act(source), ErrorCode.NOT_AUTHORISED)
        is_operations = source == c.OPERATIONS
        is_unsupported = request.kill if is_operations else bool(request.firm_id or request.code)
        refuse_if(is_unsupported, ErrorCode.UNSUPPORTED)
        if request.account_id and not is_operations:
            is_own = request.account_id in self.accounts and self.acts_for(source, request.account_id)
            refuse_if(not is_own, ErrorCode.UNKNOWN_ACCOUNT)
        refuse_if(bool(request.symbol_id) and request.symbol_id not in self.markets, ErrorCode.UNKNOWN_SYMBOL)

    def is_in_scope(self, source: int, request: c.MassCancel, order: Order) -> bool:
        """Tell whether a mass cancel means an order."""
        firm_id = self.accounts[order.account_id].firm_id
        asked = (request.symbol_id, request.account_id, request.firm_id, request.of_session, request.side)
        has = (order.market.symbol_id, order.account_id, firm_id, order.source, order.side)
        is_asked = all(a in (c.ABSENT, b) for a, b in zip(asked, has, strict=True))
        return is_asked and self.acts_for(source, order.account_id)

    def set_kill_switch(self, source: int, command: c.SetKillSwitch) -> None:
        """Block a session from entering orders, or lift that."""
        refuse_if(self.firm_of(command.session_id) is None, ErrorCode.UNKNOWN_REFERENCE)
        refuse_if(source not in (c.OPERATIONS, command.session_id), ErrorCode.NOT_AUTHORISED)
        if command.is_on:
            self.blocked.add(command.session_id)
        else:
            self.blocked.discard(command.session_id)
        self.tell(e.KillSwitchSet(command.session_id, command.is_on))


def identity(order: Order | None) -> tuple[int, OrderState]:
    """An order's id and state, as answers give them."""
    return (order.order_id, order.state) if order else (0, OrderState.UNKNOWN)
