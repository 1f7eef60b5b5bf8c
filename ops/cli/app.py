"""The command line put together: groups and single commands."""

from __future__ import annotations

import typer

from ops.cli.account import account
from ops.cli.demo import demo
from ops.cli.journal import journal
from ops.cli.market import market
from ops.cli.order import order
from ops.cli.reconcile import reconcile
from ops.cli.run import run
from ops.cli.session import session
from ops.cli.status import status

app = typer.Typer(
    name="exchange",
    help="Run, watch, explain and check a FIX 4.4 exchange.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command("run")(run)
app.command("demo")(demo)
app.command("status")(status)
app.command("reconcile")(reconcile)
app.add_typer(account, name="account")
app.add_typer(market, name="market")
app.add_typer(order, name="order")
app.add_typer(session, name="session")
app.add_typer(journal, name="journal")


def main() -> None:
    """Run the ``exchange`` command."""
    app()
