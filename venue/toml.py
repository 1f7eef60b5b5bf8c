"""TOML read into strict records: what is wrong is told by file and key."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import TypeVar

import msgspec

from venue.errors import ConfigError

_Record = TypeVar("_Record", bound=msgspec.Struct)


def read_toml(file: Path, schema: type[_Record]) -> _Record:
    """Decode ``file`` strictly. Raises: ConfigError."""
    try:
        return msgspec.toml.decode(file.read_bytes(), type=schema)
    except FileNotFoundError:
        raise ConfigError(file, "not found") from None
    except OSError as error:
        raise ConfigError(file, error.strerror or str(error)) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ConfigError(file, str(error).replace("`$.", "`")) from error


def check_unique(file: Path, key: str, values: Iterable[int | str]) -> None:
    """Check that no value is given twice. Raises: ConfigError."""
    for value, count in Counter(values).items():
        if count > 1:
            raise ConfigError(file, f"{key} {value} is given {count} times")
