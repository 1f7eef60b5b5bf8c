"""What an operator sees: tables for people, JSON for programs, one clear line for a fault."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, ParamSpec, TypeVar

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from clearing.errors import ClearingError, StoreUnavailable
from engine.api.errors import EngineError
from ops.errors import CheckFailed, OpsError, Unreachable

WIDTH_UNSEEN = 160
"""Columns of a table that goes into a file or a pipe."""

out = Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else WIDTH_UNSEEN)
err = Console(stderr=True, highlight=False, soft_wrap=True)

DataOption = Annotated[Path, typer.Option("--data", help="Data directory of the exchange.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
DEFAULT_DATA = Path("var")

_Parameters = ParamSpec("_Parameters")
_Result = TypeVar("_Result")


def clear_faults(command: Callable[_Parameters, _Result]) -> Callable[_Parameters, _Result]:
    """Turn a fault into one line on stderr and its exit code; a bug still shows its traceback."""

    @functools.wraps(command)
    def run(*args: _Parameters.args, **kwargs: _Parameters.kwargs) -> _Result:
        try:
            return command(*args, **kwargs)
        except OpsError as error:
            fail(str(error), error.exit_code)
        except (EngineError, StoreUnavailable) as error:
            fail(str(error), Unreachable.exit_code)
        except ClearingError as error:
            fail(str(error), CheckFailed.exit_code)
        except BrokenPipeError:
            # The reader has what it wanted, as in ``exchange journal cat | head``.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(0) from None
        except OSError as error:
            fail(str(error), Unreachable.exit_code)
        raise AssertionError("unreachable")

    return run


def fail(message: str, exit_code: int) -> None:
    """Say what is wrong and end the command."""
    err.print(f"[bold red]exchange:[/] {escape(message)}")
    raise typer.Exit(exit_code)


def escape(text: str) -> str:
    """Keep square brackets of ``text`` from being read as markup."""
    return text.replace("[", r"\[")


def show_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print rows as a table; a column whose name ends in ``>`` is set flush right."""
    table = Table(title=title, title_justify="left", header_style="bold")
    for column in columns:
        table.add_column(column.rstrip(">"), justify="right" if column.endswith(">") else "left", overflow="fold")
    for row in rows:
        table.add_row(*(escape(str(cell)) for cell in row))
    out.print(table)


def show_json(value: Any) -> None:
    """Print ``value`` as one JSON document."""
    print(msgspec.json.encode(value).decode())


def show_rows(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]], as_json: bool) -> None:
    """Print rows as a table, or as a JSON list of objects keyed by the columns."""
    if as_json:
        names = [column.rstrip(">") for column in columns]
        show_json([dict(zip(names, row, strict=True)) for row in rows])
    else:
        show_table(title, columns, rows)


def iso_time(ts_ns: int) -> str:
    """Write exchange time as ISO 8601 with microseconds and Z (TIM-08)."""
    seconds, rest = divmod(ts_ns, 1_000_000_000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest // 1000:06d}Z"
