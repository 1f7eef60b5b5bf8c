"""What a command asks for, in words."""

from __future__ import annotations

from engine.api import commands as c
from engine.api.enums import ExecInst, MarginMode, OrdType, Peg, SelfTrade, Side, TimeInForce, Trigger
from engine.api.rejects import describe
from engine.api.units import format_minor
from ops.telling.chronicle import Chronicle
from ops.telling.rules import listing_terms, rule_name, rule_subject, rule_value
from ops.telling.times import iso_time
from ops.telling.words import words


def describe_command(command: c.Command, chronicle: Chronicle) -> str:
    """Describe a command."""
    match command:
        case c.NewOrder():
            return _new_order(command, chronicle)
        case c.CancelOrder():
            return f"cancel {command.cl_ord_id}: {_target(command)}{_resent(command.poss_resend)}"
        case c.ReplaceOrder():
            return _replace(command, chronicle)
        case c.MassCancel():
            return _mass_cancel(command, chronicle)
        case c.RequestOrderStatus():
            target = f"order {command.order_id}" if command.order_id else f"ClOrdID {command.cl_ord_id}"
            return f"status request: {target}"
        case c.RefuseOrder():
            qty, price = command.order_qty or "-", command.price or "-"
            return f"order {command.cl_ord_id} refused at the gateway: {command.symbol} qty {qty} price {price}"
        case c.SetKillSwitch():
            state = "on" if command.is_on else "off"
            return f"kill switch of {chronicle.source(command.session_id)} {state}"
        case c.Malformed():
            return f"malformed command of {len(command.raw)} bytes: {command.raw[:16].hex()}"
        case _:
            return _money(command, chronicle)


def _money(command: c.Command, chronicle: Chronicle) -> str:
    match command:
        case c.Deposit():
            amount = chronicle.amount(command.amount, command.asset_id)
            return f"deposit {amount} to {chronicle.account(command.account_id)} ({command.deposit_ref})"
        case c.Transfer():
            amount = chronicle.amount(command.amount, command.asset_id)
            parties = f"{chronicle.account(command.from_account_id)} to {chronicle.account(command.to_account_id)}"
            return f"transfer {amount} from {parties}"
        case c.SetLeverage():
            mode = "isolated" if command.mode is MarginMode.ISOLATED else "cross"
            return f"leverage of {_position(command, chronicle)}: {command.leverage}x {mode}"
        case c.AdjustMargin():
            amount = chronicle.amount(command.amount, chronicle.quote_asset(command.symbol_id))
            return f"add {amount} to the margin of {_position(command, chronicle)}"
        case c.CoverDebt():
            amount = chronicle.amount(command.amount, chronicle.quote_asset(command.symbol_id))
            payer = chronicle.account(command.payer_account_id)
            return f"cover {amount} of the debt of {_position(command, chronicle)} from {payer}"
        case c.SetCollateral():
            lender = chronicle.account(command.lending_account_id) if command.lending_account_id else "nobody"
            weight = format_minor(command.weight_ppm, 6)
            return f"collateral weight of {chronicle.asset(command.asset_id)}: {weight}, lent by {lender}"
        case _:
            return _operation(command, chronicle)


def _position(command: c.SetLeverage | c.AdjustMargin | c.CoverDebt, chronicle: Chronicle) -> str:
    return f"{chronicle.account(command.account_id)} in {chronicle.symbol(command.symbol_id)}"


def _operation(command: c.Command, chronicle: Chronicle) -> str:
    match command:
        case c.SetMark():
            price = chronicle.price(command.price, command.symbol_id)
            return f"mark of {chronicle.symbol(command.symbol_id)}: {price}"
        case c.SetSymbolStatus():
            return f"set {chronicle.symbol(command.symbol_id)} to {words(command.status.name)}"
        case c.SetVenueStatus():
            return f"set the venue to {words(command.status.name)}"
        case c.TriggerBreaker():
            return f"circuit breaker of {chronicle.symbol(command.symbol_id)}: {words(command.reason.name)}"
        case c.AdvanceTime():
            return "let what is due happen"
        case c.SetAccountStatus():
            return f"set {chronicle.account(command.account_id)} to {words(command.status.name)}"
        case c.SetAccountLimits():
            leverage = f"{command.leverage_max}x" if command.leverage_max else "none"
            notional = f"{command.position_notional_max} minor units" if command.position_notional_max else "none"
            account = chronicle.account(command.account_id)
            return f"limits of {account}: tier {command.tier}, leverage {leverage}, position {notional}"
        case c.SetMarginState():
            return f"margin state of {chronicle.account(command.account_id)}: {words(command.state.name)}"
        case c.SetParameter() | c.SetMarginBrackets() | c.SetFeeRates():
            rule, whom = words(rule_name(command)), rule_subject(command, chronicle.registry)
            since = f", from {iso_time(command.effective_ns)} on" if command.effective_ns else ""
            return f"set {rule} for {whom}: {rule_value(command)}{since}"
        case c.ListInstrument(instrument=i) | c.ChangeInstrument(instrument=i):
            verb = "list" if isinstance(command, c.ListInstrument) else "change"
            return f"{verb} {i.symbol_id} {i.symbol}: {listing_terms(i, chronicle.registry)}"
        case c.DelistInstrument():
            return f"delist {chronicle.symbol(command.symbol_id)}"
        case _:
            return _registration(command)


def _registration(command: c.Command) -> str:
    match command:
        case c.RegisterAsset():
            return f"register asset {command.asset_id} {command.name}, {command.decimals} decimals"
        case c.RegisterFirm():
            return f"register firm {command.firm_id} {command.name}"
        case c.OpenAccount():
            return f"open {command.kind.name} account {command.account_id} {command.name} of firm {command.firm_id}"
        case c.RegisterSession():
            kind = words(command.kind.name)
            return f"register {kind} session {command.session_id} {command.comp_id} of firm {command.firm_id}"
        case _:
            raise AssertionError(type(command).__name__)


# --- orders


def _new_order(order: c.NewOrder, chronicle: Chronicle) -> str:
    symbol_id = order.symbol_id
    side, kind = words(Side(order.side).name), words(OrdType(order.ord_type).name)
    terms = f"{side} {chronicle.qty(order.order_qty, symbol_id)} {chronicle.symbol(symbol_id)} {kind}"
    if order.price:
        terms += f" {'capped' if order.ord_type is OrdType.PEGGED else 'at'} {chronicle.price(order.price, symbol_id)}"
    force = words(TimeInForce(order.time_in_force).name)
    account = chronicle.account(order.account_id)
    more = "".join(f", {term}" for term in _further_terms(order, chronicle))
    return f"order {order.cl_ord_id}: {terms}, {force}{more}, {account}{_resent(order.poss_resend)}"


def _further_terms(order: c.NewOrder, chronicle: Chronicle) -> list[str]:
    symbol_id, terms = order.symbol_id, []
    if order.stop_px:
        price = "mark" if order.trigger is Trigger.MARK else "last price"
        terms.append(f"triggered by the {price} at {chronicle.price(order.stop_px, symbol_id)}")
    if order.peg is not Peg.NONE:
        terms.append(f"{words(order.peg.name)} peg, offset {chronicle.price(order.peg_offset, symbol_id)}")
    if order.max_floor:
        terms.append(f"showing {chronicle.qty(order.max_floor, symbol_id)}")
    if order.min_qty:
        terms.append(f"at least {chronicle.qty(order.min_qty, symbol_id)}")
    terms += [words(str(flag.name)).replace(" ", "-") for flag in ExecInst(order.exec_inst)]
    if order.stp is not SelfTrade.DEFAULT:
        terms.append(f"self-trade prevention {words(order.stp.name)}")
    return terms


def _replace(request: c.ReplaceOrder, chronicle: Chronicle) -> str:
    symbol_id = request.symbol_id or chronicle.symbol_of(request.order_id)
    terms = [f"quantity {chronicle.qty(request.order_qty, symbol_id)}"]
    if request.price:
        terms.append(f"price {chronicle.price(request.price, symbol_id)}")
    if request.stop_px:
        terms.append(f"trigger price {chronicle.price(request.stop_px, symbol_id)}")
    if request.max_floor:
        terms.append(f"showing {chronicle.qty(request.max_floor, symbol_id)}")
    if request.peg_offset is not None:
        terms.append(f"offset {chronicle.price(request.peg_offset, symbol_id)}")
    if request.time_in_force:
        terms.append(words(TimeInForce(request.time_in_force).name))
    target = _target(request)
    return f"replace {request.cl_ord_id}: {target}, {', '.join(terms)}{_resent(request.poss_resend)}"


def _target(request: c.CancelOrder | c.ReplaceOrder) -> str:
    return f"order {request.order_id}" if request.order_id else f"OrigClOrdID {request.orig_cl_ord_id}"


def _mass_cancel(request: c.MassCancel, chronicle: Chronicle) -> str:
    scope = []
    if request.side:
        scope.append(f"{words(Side(request.side).name)} orders")
    if request.symbol_id:
        scope.append(chronicle.symbol(request.symbol_id))
    if request.account_id:
        scope.append(chronicle.account(request.account_id))
    if request.firm_id:
        firm = chronicle.registry.firms.get(request.firm_id)
        scope.append(f"firm {firm.name if firm else request.firm_id}")
    if request.of_session:
        scope.append(f"entered by {chronicle.source(request.of_session)}")
    why = f", because {describe(request.code)}" if request.code else ""
    kill = ", kill switch on" if request.kill else ""
    return f"mass cancel {request.cl_ord_id}: {', '.join(scope) or 'all orders'}{why}{kill}"


def _resent(poss_resend: bool) -> str:
    return ", marked as a possible copy" if poss_resend else ""
