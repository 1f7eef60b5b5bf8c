"""Faults of the operator's side. Each carries the exit code the ``exchange`` command ends with.

::

    OpsError                  1
    |-- CheckFailed           1  something that was checked is not as it should be
    |-- Refused               2  what was asked cannot be done here: the caller has to change something
    |   |-- PortTaken         2  another process listens where this exchange is to
    |   |-- AlreadyRunning    2  another exchange holds the data directory
    |   `-- Unreadable        2  files that are there, or should be, and are no whole journal
    `-- Unreachable           3  a process or a data directory that is not there, or does not answer
        `-- ChildFailed       3  a process of the exchange did not come up
"""

from __future__ import annotations


class OpsError(Exception):
    """Base of every fault raised by the ops package."""

    exit_code = 1


class CheckFailed(OpsError):
    """Something that was checked is not as it should be."""


class Refused(OpsError):
    """What was asked cannot be done here."""

    exit_code = 2


class PortTaken(Refused):
    """Another process listens on a port this exchange needs."""

    def __init__(self, port: int, purpose: str) -> None:
        super().__init__(f"port {port} ({purpose}) is taken; choose another with --port-base")
        self.port = port


class AlreadyRunning(Refused):
    """Another exchange holds the data directory."""


class Unreadable(Refused):
    """Files that are there, or should be, and are no whole journal."""


class Unreachable(OpsError):
    """A process or a data directory that is not there, or does not answer."""

    exit_code = 3


class ChildFailed(Unreachable):
    """A process of the exchange, called ``name``, did not come up."""

    def __init__(self, name: str, told: str) -> None:
        super().__init__(told)
        self.name = name
