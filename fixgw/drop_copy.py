"""Who gets a report, and what a copy adds to it.

The body is made by one function for both roles; a copy has two fields more: CopyMsgIndicator <797> and
OriginSession <20008>, the CompID that entered the order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from fixgw.order_chain import STATUS, Report
from fixgw.outbound import Writer, message_type
from fixgw.registry import Registry
from fixgw.sessions import Outlet, WriteBody

Route = Callable[[Report], Iterable[Outlet]]
"""Names the outlets a report goes to."""


def report_body(writer: Writer) -> WriteBody:
    """Write a report for the session it answers."""
    return lambda report: (message_type(report), writer.body(report))


def copy_body(writer: Writer, registry: Registry) -> WriteBody:
    """Write the same report for drop copy."""

    def write(report: Report) -> tuple[str, str]:
        origin = registry.sessions[report.origin].comp_id
        return message_type(report), f"{writer.body(report)}797=Y\x0120008={origin}\x01"

    return write


def order_entry_route(outlets: dict[int, Outlet]) -> Route:
    """Send a report to the sessions it names."""
    return lambda report: [outlets[number] for number in report.sessions if number in outlets]


def drop_copy_route(outlets: dict[int, Outlet], registry: Registry) -> Route:
    """Send a report of a firm to all its drop-copy sessions; answers to status requests are nobody else's."""

    def route(report: Report) -> Iterable[Outlet]:
        if report.kind == STATUS:
            return ()
        firm_id = registry.firm_of(report.origin)
        return [outlet for number, outlet in outlets.items() if registry.firm_of(number) == firm_id]

    return route
