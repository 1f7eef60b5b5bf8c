"""The writer: each report's MsgType <35> and body."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fixgw import reports as r
from fixgw.directory import Directory
from fixgw.outbound.execution_report import ExecutionReport
from fixgw.outbound.fields import Times
from fixgw.outbound.order_cancel_reject import OrderCancelReject

Text = tuple[str, str]
"""MsgType <35>, and all fields but the header, each with its closing SOH."""


class Writer:
    """Writes reports as messages. ``epoch`` is the log's, part of every ExecID; set it before the first."""

    def __init__(self, directory: Directory) -> None:
        times = Times()
        self._executions = executions = ExecutionReport(directory, times)
        self._write: dict[type[r.Report], tuple[str, Callable[[Any], str]]] = {
            r.New: ("8", executions.new),
            r.Trade: ("8", executions.trade),
            r.Canceled: ("8", executions.canceled),
            r.Expired: ("8", executions.expired),
            r.Replaced: ("8", executions.replaced),
            r.Restated: ("8", executions.restated),
            r.Triggered: ("8", executions.triggered),
            r.Status: ("8", executions.status),
            r.UnknownStatus: ("8", executions.unknown_status),
            r.Rejected: ("8", executions.rejected),
            r.CancelReject: ("9", OrderCancelReject(times).body),
        }

    def set_epoch(self, epoch: int) -> None:
        """Take the log's epoch, which was not known before the engine was reached."""
        self._executions.epoch = epoch

    def text(self, report: r.Report) -> Text:
        """Write a report."""
        msg_type, write = self._write[type(report)]
        return msg_type, write(report)
