"""The command line as one table: each command is a function of a module that is imported when it is called for.

Importing all of them takes a second. ``--help`` needs none.
"""

from __future__ import annotations

import os
import sys
from difflib import get_close_matches
from importlib import import_module
from typing import NamedTuple

import typer
from typer._click import Command, Context, HelpFormatter
from typer.core import TyperGroup


class Leaf(NamedTuple):
    """A command: the function ``name`` of ``module`` in this package."""

    module: str
    name: str
    help: str


class Branch(NamedTuple):
    """A group of commands."""

    leaves: dict[str, Leaf]
    help: str


Commands = dict[str, Leaf | Branch]

COMMANDS: Commands = {
    "run": Leaf("run", "run", "Start an exchange, keep it running, stop it cleanly on Ctrl-C or SIGTERM."),
    "demo": Leaf("demo", "demo", "Let two firms trade over FIX on a fresh exchange of its own; --data is left alone."),
    "status": Leaf("status", "status", "Show processes, engine, links and how far each follower of the log is behind."),
    "reconcile": Leaf("reconcile", "reconcile", "Compare engine and books per account and asset."),
    "apply": Leaf("apply", "apply", "Show what the configuration changes, then have the log follow it by commands."),
    "params": Leaf("params", "params", "Show the rules in force, since when, and what is scheduled."),
    "rule": Branch(
        {
            "set": Leaf("rule", "set_parameter", "Set a parameter of the venue, or of one subject."),
            "fees": Leaf("rule", "set_fees", "Set fee rates of an account, or of a symbol's listing."),
            "brackets": Leaf("rule", "set_brackets", "Set the margin brackets of the venue, or of a perpetual."),
        },
        "Set rules by command: at once, or from a time on.",
    ),
    "account": Branch(
        {
            "show": Leaf("balances", "show", "Show a firm's live balances beside what is settled."),
            "status": Leaf("account", "status", "Suspend, reactivate or close an account."),
            "limits": Leaf(
                "account",
                "limits",
                "Set an account's tier and its own caps.",
            ),
            "leverage": Leaf("account", "set_leverage", "Set leverage and margin mode of a position, open or to come."),
        },
        "Show balances; set status, limits and leverage of accounts.",
    ),
    "market": Branch(
        {
            "list": Leaf("markets", "list_markets", "List every market with its status, mark and last price."),
            "status": Leaf("market", "status", "Open, halt or close a symbol, or with --venue the whole exchange."),
            "mark": Leaf("market", "mark", "Set the mark price of a symbol."),
            "breaker": Leaf("market", "breaker", "Keep new orders out of a symbol for a while."),
        },
        "List, open, halt and close markets; set marks; trigger breakers.",
    ),
    "order": Branch({"show": Leaf("order", "show", "Show all that ever happened to an order.")}, "Explain orders."),
    "session": Branch(
        {
            "list": Leaf("session", "list_sessions", "List the CompIDs that the configuration admits."),
            "hash": Leaf("session", "hash_password", "Hash a password for members.toml."),
        },
        "List CompIDs; hash passwords for members.toml.",
    ),
    "journal": Branch(
        {
            "verify": Leaf("journal", "verify", "Check every CRC and chain, and each snapshot against a replay."),
            "cat": Leaf("records", "cat", "Print records in words, or as JSON."),
            "expand": Leaf("records", "expand", "Print the log as events of the taxonomy, each with its envelope."),
            "replay": Leaf(
                "journal", "replay", "Execute every command again, and compare the bytes with the journal's."
            ),
            "diff": Leaf("bisect", "diff", "Show the first record two journals differ in."),
            "bisect": Leaf("bisect", "bisect", "Find the first record that executes to other bytes than journaled."),
        },
        "Check, read, re-execute and compare the log.",
    ),
}
"""Everything ``exchange`` can do."""


class _Group(TyperGroup):
    """A group whose commands are in a table until one is called for."""

    table: Commands = COMMANDS

    def list_commands(self, ctx: Context) -> list[str]:
        return list(self.table)

    def get_command(self, ctx: Context, cmd_name: str) -> Command | None:
        entry = self.table.get(cmd_name)
        return None if entry is None else typer.main.get_command(_typer(entry, cmd_name))

    def format_commands(self, ctx: Context, formatter: HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.help) for name, entry in self.table.items()])

    def resolve_command(self, ctx: Context, args: list[str]) -> tuple[str | None, Command | None, list[str]]:
        if args[0] not in self.table:
            meant = get_close_matches(args[0], self.table)
            ctx.fail(f"No such command {args[0]!r}." + (f" Did you mean {meant[0]!r}?" if meant else ""))
        return super().resolve_command(ctx, args)


def _typer(entry: Leaf | Branch, name: str) -> typer.Typer:
    if isinstance(entry, Branch):
        return _group(dict(entry.leaves), name, entry.help)
    single = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
    single.command(name)(getattr(import_module(f"ops.cli.{entry.module}"), entry.name))
    return single


def _group(table: Commands, name: str, text: str) -> typer.Typer:
    cls = type("Group", (_Group,), {"table": table})
    group = typer.Typer(
        name=name,
        cls=cls,
        help=text,
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )
    group.callback()(lambda: None)
    return group


app = _group(COMMANDS, "exchange", "Run, watch, explain and check a FIX 4.4 exchange.")


def main() -> None:
    """Run the ``exchange`` command."""
    open_standard_streams()
    for name in [name for name in os.environ if name.startswith("PG")]:
        del os.environ[name]  # asyncpg and PostgreSQL's programs would mix them into every address
    app()


def open_standard_streams() -> None:
    """Open what was closed (``>&-``) on nothing: else the first file or socket would take its place."""
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        if getattr(sys, name) is None:
            null = os.open(os.devnull, os.O_RDWR)
            if null != number:
                os.dup2(null, number)
                os.close(null)
            setattr(sys, name, os.fdopen(number, mode))
