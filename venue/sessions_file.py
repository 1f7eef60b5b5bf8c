"""``sessions.cfg``: QuickFIX's settings of every session, as a template the gateways complete."""

from __future__ import annotations

import re
from pathlib import Path

from venue.errors import ConfigError

SESSIONS_FILE = "sessions.cfg"

_LINE = re.compile(r"\s*(#.*|\[DEFAULT\]\s*|[A-Za-z][A-Za-z0-9]*\s*=[^\x00-\x08\x0e-\x1f]*)?")


def read_sessions_file(config: Path) -> str:
    """Read the template. Raises: ConfigError."""
    file = config / SESSIONS_FILE
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ConfigError(file, "not found") from None
    except OSError as error:
        raise ConfigError(file, error.strerror or str(error)) from error
    except UnicodeDecodeError as error:
        raise ConfigError(file, f"is no text: {error}") from error
    for number, line in enumerate(text.splitlines(), 1):
        if _LINE.fullmatch(line) is None:
            raise ConfigError(file, f"line {number} is neither [DEFAULT], nor Key=value, nor a comment: {line[:60]!r}")
    if "[DEFAULT]" not in text:
        raise ConfigError(file, "has no section [DEFAULT]")
    return text
