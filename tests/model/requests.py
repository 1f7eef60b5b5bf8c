"""Requests about orders that were entered: cancel, mass cancel, kill switch, status (section 9)."""

from __future__ import annotations

from engine.api import commands as c
from engine.api import events as e
from engine.api import limits
from engine.api.enums import OrderState
from engine.api.ids import Seq
from engine.api.rejects import ErrorCode
from tests.model.book import is_held
from tests.model.commands import Refused, refuse_if
from tests.model.entry import Entry
from tests.model.state import Order, Withdrawal


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

    def dismiss_if_out(self, target: Order | None) -> None:
        """End the order that is asked about, when it is out of the market already."""
        if target is not None and target.is_open and self.is_out(target):
            self.dismiss(target)
        elif target is not None and target.is_open and self.is_to_come_back(target):
            self.bring_back(target)

    def check_target(self, source: int, request: c.CancelOrder | c.ReplaceOrder, target: Order | None) -> Order:
        """Check that there is an open order, and that the request has a name of its own."""
        refuse_if((source, request.cl_ord_id) in self.named, ErrorCode.DUPLICATE_CL_ORD_ID)
        if target is None:
            raise Refused(ErrorCode.UNKNOWN_ORDER)
        refuse_if(not target.is_open or is_held(target), ErrorCode.TOO_LATE)
        return target

    def report(self, order: Order | None) -> None:
        """Report an order's state, or that there is no such order."""
        self.tell(e.StatusReported(*identity(order)))

    # --- requests ---------------------------------------------------------------------------------------

    def request_status(self, source: int, request: c.RequestOrderStatus) -> None:
        order = self.find_order(source, request.order_id, request.cl_ord_id)
        self.dismiss_if_out(order)
        self.report(order)

    def cancel_order(self, source: int, request: c.CancelOrder) -> None:
        """Cancel an open order, whatever the state of market, account and session."""
        known = self.order_named(source, request.cl_ord_id)
        if known is not None and request.poss_resend:
            return self.report(known)
        target = self.find_target(source, request)
        self.dismiss_if_out(target)
        try:
            order = self.check_target(source, request, target)
        except Refused as refused:
            order_id, state = identity(target)
            return self.tell(e.CancelRejected(order_id, refused.code, state))
        self.name(source, request.cl_ord_id, order)
        return self.cancel(order, ErrorCode.USER_REQUESTED)

    def mass_cancel(self, source: int, request: c.MassCancel) -> None:
        """Take the open orders in scope out of the market; what the steps do not reach is told later."""
        try:
            self.check_mass_cancel(source, request)
        except Refused as refused:
            return self.tell(e.MassCancelRejected(refused.code))
        is_operations = source == c.OPERATIONS
        w = Withdrawal(
            seq=self.seq,
            firm_id=request.firm_id if is_operations else self.sessions[source].firm_id,
            account_id=request.account_id,
            symbol_id=request.symbol_id,
            session_id=request.of_session,
            side=request.side,
            code=request.code or ErrorCode.MASS_CANCELED,
            is_operations=is_operations,
        )
        self.withdrawals.append(w)
        if request.kill:
            self.block(source, source)
        return self.go_on_withdrawing(w)

    def go_on_withdrawing(self, w: Withdrawal) -> None:
        """Go on with a mass cancel, and tell how far it has come."""
        is_complete = self.withdraw(w)
        self.tell(e.MassCanceled(Seq(w.seq), w.canceled, is_complete))

    def check_mass_cancel(self, source: int, request: c.MassCancel) -> None:
        refuse_if(not self.may_act(source), ErrorCode.NOT_AUTHORISED)
        is_operations = source == c.OPERATIONS
        is_unsupported = request.kill if is_operations else bool(request.firm_id or request.code)
        refuse_if(is_unsupported, ErrorCode.UNSUPPORTED)
        if request.account_id and not is_operations:
            is_own = request.account_id in self.accounts and self.acts_for(source, request.account_id)
            refuse_if(not is_own, ErrorCode.UNKNOWN_ACCOUNT)
        refuse_if(bool(request.symbol_id) and request.symbol_id not in self.markets, ErrorCode.UNKNOWN_SYMBOL)
        firm_id = 0 if is_operations else self.firm_of(source)
        asked = [w for w in self.withdrawals if not w.keeps]
        active = [w for w in asked if (0 if w.is_operations else w.firm_id) == firm_id]
        refuse_if(len(active) >= limits.WITHDRAWALS_PER_FIRM_MAX, ErrorCode.RATE_LIMIT)

    def set_kill_switch(self, source: int, command: c.SetKillSwitch) -> None:
        """Block a session from entering orders, or lift that."""
        refuse_if(self.firm_of(command.session_id) is None, ErrorCode.UNKNOWN_REFERENCE)
        refuse_if(source not in (c.OPERATIONS, command.session_id), ErrorCode.NOT_AUTHORISED)
        killed = [w for w in self.withdrawals if kills(w, command.session_id)]
        if command.is_on:
            self.block(source, command.session_id)
            return self.go_on_withdrawing(killed[0] if killed else self.withdraw_killed(source, command.session_id))
        is_theirs = self.blocked.get(command.session_id, False)
        refuse_if(is_theirs and source != c.OPERATIONS, ErrorCode.NOT_AUTHORISED)
        refuse_if(bool(killed), ErrorCode.NOT_ALLOWED_NOW)
        self.blocked.pop(command.session_id, None)
        return self.tell(e.KillSwitchSet(command.session_id, False, source == c.OPERATIONS))

    def block(self, source: int, session_id: int) -> None:
        """Let a session enter no orders; a switch of operations stays theirs."""
        is_by_operations = self.blocked.get(session_id, False) or source == c.OPERATIONS
        self.blocked[session_id] = is_by_operations
        self.tell(e.KillSwitchSet(session_id, True, is_by_operations))

    def withdraw_killed(self, source: int, session_id: int) -> Withdrawal:
        """Take all orders that a session entered out of the market."""
        w = Withdrawal(
            seq=self.seq,
            firm_id=self.sessions[session_id].firm_id,
            account_id=0,
            symbol_id=0,
            session_id=session_id,
            side=0,
            code=ErrorCode.KILL_SWITCH,
            is_operations=source == c.OPERATIONS,
        )
        self.withdrawals.append(w)
        return w


def kills(w: Withdrawal, session_id: int) -> bool:
    """Tell whether a mass cancel is that of a session's kill switch."""
    return (w.code, w.session_id, w.account_id, w.symbol_id, w.side) == (ErrorCode.KILL_SWITCH, session_id, 0, 0, 0)


def identity(order: Order | None) -> tuple[int, OrderState]:
    """An order's id and state, as answers give them."""
    return (order.order_id, order.state) if order else (0, OrderState.UNKNOWN)
