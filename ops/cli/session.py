"""``exchange session``: who may log on."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import bcrypt
import typer

from ops.cli.screen import DEFAULT_DATA, DataOption, JsonOption, clear_faults, show_rows
from ops.config import load_venue

BCRYPT_COST = 12
"""INV-60."""

session = typer.Typer(no_args_is_help=True, help="List CompIDs; hash passwords for members.toml.")


@session.command("list")
@clear_faults
def list_sessions(
    data: DataOption = DEFAULT_DATA,
    config: Annotated[Path, typer.Option("--config", help="Configuration directory.")] = Path("config"),
    as_json: JsonOption = False,
) -> None:
    """List the CompIDs that the configuration admits."""
    rows = [
        (s.comp_id, s.kind, firm.name, s.session_id, s.default_account)
        for firm in load_venue(config).members.firm
        for s in firm.session
    ]
    show_rows("sessions", ("CompID", "kind", "firm", "session>", "default account"), rows, as_json)


@session.command("hash")
@clear_faults
def hash_password(
    data: DataOption = DEFAULT_DATA,
    password: Annotated[str, typer.Option(prompt=True, hide_input=True, confirmation_prompt=True)] = "",
) -> None:
    """Hash a password for ``password_bcrypt`` in members.toml; it is asked for, never stored."""
    print(bcrypt.hashpw(password.encode(), bcrypt.gensalt(BCRYPT_COST)).decode())
