"""``exchange session``: who may log on."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import bcrypt
import typer

from ops.cli.screen import DEFAULT_DATA, DataOption, JsonOption, clear_faults, show_json, show_table
from venue.configuration import load_venue

BCRYPT_COST = 12
"""INV-60."""

KEYS = ("comp_id", "kind", "firm", "session_id", "default_account")


@clear_faults
def list_sessions(
    data: DataOption = DEFAULT_DATA,
    config: Annotated[Path, typer.Option("--config", help="Configuration directory.")] = Path("config"),
    as_json: JsonOption = False,
) -> None:
    """List the CompIDs that the configuration admits."""
    admitted = [(firm, one) for firm in load_venue(config).members.firm for one in firm.session]
    rows = [(s.comp_id, s.kind, firm.name, s.session_id, s.default_account) for firm, s in admitted]
    if as_json:
        show_json([dict(zip(KEYS, row, strict=True)) for row in rows])
        return
    show_table("sessions", ("CompID", "kind", "firm", "session>", "default account"), rows)


@clear_faults
def hash_password(
    data: DataOption = DEFAULT_DATA,
    password: Annotated[str, typer.Option(prompt=True, hide_input=True, confirmation_prompt=True)] = "",
) -> None:
    """Hash a password for ``password_bcrypt`` in members.toml; it is asked for, never stored."""
    print(bcrypt.hashpw(password.encode(), bcrypt.gensalt(BCRYPT_COST)).decode())
