"""Members: the firms, their accounts and their CompIDs, as ``members.toml`` lists them.

The gateway takes credentials and default accounts from here; operations register the rest in the log.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from engine.api import limits
from engine.api.ids import AccountId, FirmId, SessionId
from venue.errors import ConfigError
from venue.toml import check_unique, read_toml

VENUE_COMP_IDS = {"order-entry": "EXCH-OE", "drop-copy": "EXCH-DC"}
"""The exchange's own CompID in each role of a gateway."""

Name = Annotated[str, Meta(min_length=1, max_length=limits.NAME_LENGTH_MAX, pattern="^[ -~]+$")]
CompId = Annotated[str, Meta(pattern="^[A-Z0-9-]{3,20}$")]
BcryptHash = Annotated[str, Meta(pattern=r"^\$2[aby]\$[0-9]{2}\$[./A-Za-z0-9]{53}$")]


class AccountConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An account; ``opening`` maps an asset's name to the decimal text credited once.

    SPOT and MARGIN accounts trade spot instruments, FUTURES accounts perpetuals.
    """

    account_id: Annotated[AccountId, Meta(ge=1, le=limits.ACCOUNTS_MAX)]
    name: Name
    kind: Literal["SPOT", "MARGIN", "FUTURES"]
    opening: dict[str, str] = {}


class SessionConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A CompID with its bcrypt hash; ``default_account`` is used by orders without Account <1>."""

    session_id: Annotated[SessionId, Meta(ge=1, le=limits.SESSIONS_MAX)]
    comp_id: CompId
    kind: Literal["order-entry", "drop-copy"]
    password_bcrypt: BcryptHash
    default_account: str = ""


class FirmConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A member firm with its accounts and sessions."""

    firm_id: Annotated[FirmId, Meta(ge=1, le=0xFFFF)]
    name: Name
    account: list[AccountConfig] = []
    session: list[SessionConfig] = []


class Members(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All of ``members.toml``."""

    firm: list[FirmConfig]

    def sessions(self, kind: str) -> list[SessionConfig]:
        """List the sessions of one kind, in the order of the file."""
        return [session for firm in self.firm for session in firm.session if session.kind == kind]


def load_members(path: Path) -> Members:
    """Read ``members.toml`` strictly. Raises: ConfigError naming file and key."""
    members = read_toml(path, Members)
    check_unique(path, "firm_id", (firm.firm_id for firm in members.firm))
    check_unique(path, "firm name", (firm.name.upper() for firm in members.firm))
    check_unique(path, "account_id", (a.account_id for firm in members.firm for a in firm.account))
    check_unique(path, "session_id", (s.session_id for firm in members.firm for s in firm.session))
    check_unique(path, "comp_id", (s.comp_id for firm in members.firm for s in firm.session))
    for firm in members.firm:
        _check_firm(firm, path)
    return members


def _check_firm(firm: FirmConfig, path: Path) -> None:
    names = [account.name for account in firm.account]
    check_unique(path, f"firm {firm.name}: account name", names)
    for session in firm.session:
        if session.default_account and session.default_account not in names:
            reason = f"session {session.comp_id}: default_account {session.default_account} is no account"
            raise ConfigError(path, reason)
