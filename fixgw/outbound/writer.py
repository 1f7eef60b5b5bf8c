"""The writer: each report's MsgType <35> and body."""

from __future__ import annotations

from fixgw import reports as r
from fixgw.directory import Directory
from fixgw.outbound.execution_report import ExecutionReport
from fixgw.outbound.fields import Times
from fixgw.outbound.order_cancel_reject import OrderCancelReject

Text = tuple[str, str]
"""MsgType <35>, and all fields but the header, each with its closing SOH."""


class Writer:
    """Writes reports as messages."""

    def __init__(self, directory: Directory) -> None:
        times = Times()
        self._executions = ExecutionReport(directory, times)
        self._cancel_rejects = OrderCancelReject(times)

    def set_epoch(self, epoch: int) -> None:
        """Take the log's epoch, part of every ExecID: it is not known before the engine is reached."""
        self._executions.epoch = epoch

    def text(self, report: r.Report) -> Text:
        """Write a report."""
        if isinstance(report, r.CancelReject):
            return "9", self._cancel_rejects.body(report)
        return "8", self._executions.body(report)
