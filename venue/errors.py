"""Faults of the venue's files.

::

    VenueError
    |-- ConfigError          a configuration file cannot be used: names the file, and the key where there is one
    |-- UnsafeCredentials    passwords everybody knows where others than this machine can log on
    |-- DefinitionsDiffer    the files say otherwise than the log, which stands: names each field
    `-- RegistrationRefused  the engine did not take a command of the registration
"""

from __future__ import annotations

from pathlib import Path


class VenueError(Exception):
    """Base of every fault raised by the venue package."""


class ConfigError(VenueError):
    """A configuration file cannot be used; names the file, and the key where there is one."""

    def __init__(self, file: Path, reason: str) -> None:
        super().__init__(f"{file}: {reason}")
        self.file = file
        self.reason = reason


class UnsafeCredentials(VenueError):
    """Passwords everybody knows where others than this machine can log on."""


class DefinitionsDiffer(VenueError):
    """The files define something otherwise than the log."""


class RegistrationRefused(VenueError):
    """The engine did not take a command of the registration."""
