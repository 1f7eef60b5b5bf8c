"""``exchange apply``: the log follows the configuration, by commands, once the difference was seen."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from engine.api.commands import Command, RegisterSession
from ops.cli.screen import DEFAULT_DATA, DataOption, clear_faults, counted, out, show_table
from ops.directory import hold, is_held, journal_of
from ops.errors import Refused, Unreachable
from ops.telling.chronicle import Chronicle
from ops.telling.commands import describe_command
from venue.configuration import load_venue
from venue.registration import (
    Difference,
    changes,
    differences,
    expected_commands,
    missing_commands,
    read_registered,
    submit,
    unnamed,
)


@clear_faults
def apply(
    data: DataOption = DEFAULT_DATA,
    config: Annotated[Path, typer.Option("--config", help="Configuration directory.")] = Path("config"),
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Show what the configuration says otherwise than the log, then have the log follow it by commands.

    A changed fee, limit or band of an instrument; what is new of assets, firms, accounts, CompIDs, instruments and
    opening balances. It does not matter whether the exchange runs. Exit code 2 when no command changes a difference.
    """
    expected = expected_commands(load_venue(config))
    journal_of(data)
    with _engine_of(data):
        registered = read_registered(data)
        differing = differences(expected, registered.registry)
        commands = missing_commands(expected, registered) + changes(differing)
        for what in sorted(unnamed(expected, registered.registry)):
            out.print(f"only the log has {what}: nothing is taken back by leaving it out of the files", markup=False)
        if not commands:
            out.print("the log holds all that the files say")
            return
        _show(differing, missing_commands(expected, registered))
        _ask(yes)
        records = submit(data, commands)
    out.print(f"applied: {counted(len(commands), 'command')}, up to seq {records[-1].seq}", markup=False)
    admitted = [command.comp_id for command in commands if isinstance(command, RegisterSession)]
    if admitted:
        out.print(f"start the exchange again to admit {', '.join(admitted)}", markup=False)


def _show(differing: list[Difference], missing: list[Command]) -> None:
    if differing:
        rows = [(d.subject, d.field, d.log, d.file) for d in differing]
        show_table("what changes", ("what", "field", "log>", "file>"), rows)
    if missing:
        nobody = Chronicle()
        show_table("what is new", ("command",), [(describe_command(command, nobody),) for command in missing])


def _ask(yes: bool) -> None:
    """Raises: Refused when nobody says yes."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise Refused("nothing was applied: say --yes, or run it where it can ask")
    if not typer.confirm("apply it?"):
        raise Refused("nothing was applied")


@contextmanager
def _engine_of(data: Path) -> Iterator[None]:
    """Have the engine of ``data`` running: that of the exchange that runs there, or one for this command alone.

    Raises: Unreachable when it does not come up, AlreadyRunning.
    """
    if is_held(data):
        yield
        return
    lock = hold(data)  # goes with this process
    assert lock >= 0
    command = [sys.executable, "-m", "engine", "--data", str(data.resolve())]
    with (data / "log" / "engine.log").open("ab") as log:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log)
    try:
        assert process.stdout is not None
        if process.stdout.readline().strip() != b"ready":
            raise Unreachable(f"the engine did not become ready (see {data / 'log' / 'engine.log'})")
        yield
    finally:
        process.terminate()
        process.wait()
