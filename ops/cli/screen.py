"""What an operator sees: tables for people, JSON for programs, one clear line for a fault."""

from __future__ import annotations

import functools
import os
import shutil
import sys
import textwrap
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Annotated, ParamSpec, TypeVar

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from clearing.errors import ClearingError, StoreUnavailable
from engine.api.errors import CorruptJournal, Diverged, EngineError, WireError
from ops.errors import CheckFailed, OpsError, Refused, Unreachable
from venue.errors import RegistrationRefused, VenueError

WIDTH_UNSEEN = 160
"""Columns of a table that goes into a file or a pipe."""

WIDTH_MIN = 20
"""Fewer columns show no table: a COLUMNS below is taken for unknown."""

INDENT = 12
"""Where what happened begins, and a line that is too long goes on."""


class _Screen(Console):
    """A console that leaves a reader who has gone to :func:`clear_faults`."""

    def on_broken_pipe(self) -> None:
        """Pass it on."""
        raise BrokenPipeError


def known_width(columns: str, is_terminal: bool) -> int:
    """Tell how wide the screen is, by the environment's COLUMNS or the terminal; 0 when nobody knows."""
    if columns.isascii() and columns.isdecimal() and int(columns) >= WIDTH_MIN:
        return int(columns)
    return max(WIDTH_MIN, shutil.get_terminal_size().columns) if is_terminal and not columns else 0


_KNOWN_WIDTH = known_width(os.environ.get("COLUMNS", ""), sys.stdout.isatty())
_WIDTH = _KNOWN_WIDTH or WIDTH_UNSEEN

out = _Screen(highlight=False, emoji=False, soft_wrap=True, width=_WIDTH)
err = Console(stderr=True, highlight=False, emoji=False, soft_wrap=True, width=_WIDTH)

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
            return _flushed(command, *args, **kwargs)
        except OpsError as error:
            fail(str(error), error.exit_code)
        except RegistrationRefused as error:
            fail(str(error), CheckFailed.exit_code)
        except VenueError as error:
            fail(str(error), Refused.exit_code)
        except (Diverged, CorruptJournal, WireError) as error:
            fail(str(error), CheckFailed.exit_code)
        except (EngineError, StoreUnavailable) as error:
            fail(str(error), Unreachable.exit_code)
        except ClearingError as error:
            fail(str(error), CheckFailed.exit_code)
        except BrokenPipeError:
            # The reader has what it wanted, as in ``exchange journal cat | head``.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(0) from None
        except OSError as error:
            fail(_in_words(error), Unreachable.exit_code)
        raise AssertionError("unreachable")

    return run


def _flushed(command: Callable[_Parameters, _Result], *args: _Parameters.args, **kwargs: _Parameters.kwargs) -> _Result:
    try:
        return command(*args, **kwargs)
    finally:
        sys.stdout.flush()


def _in_words(error: OSError) -> str:
    """Say what the system refused, and of which file; ``[Errno 17]`` is no word."""
    what = error.strerror or str(error) or type(error).__name__
    return f"{error.filename}: {what}" if error.filename else what


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


def show_json(value: object) -> None:
    """Print ``value`` as one JSON document."""
    print(msgspec.json.encode(value).decode())


def show_line(text: str) -> None:
    """Print a line; where the width is known, wrap it between words."""
    if not _KNOWN_WIDTH:
        print(text)
        return
    wrapped = textwrap.wrap(
        text, out.width, subsequent_indent=" " * (INDENT + 3), break_long_words=False, break_on_hyphens=False
    )
    print("\n".join(wrapped))


def busy(what: str) -> AbstractContextManager[object]:
    """Show ``what`` goes on, to whom it can be shown."""
    return err.status(what) if err.is_terminal else nullcontext()


def counted(count: int, noun: str) -> str:
    """Write a count with its noun: 1 segment, 2 segments."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
