"""Who may log on. A refusal never says what was wrong, and takes as long for an unknown name as for a bad password.

Source: rules of engagement, section 2.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import bcrypt

from venue.members import SessionConfig

HEART_BT_INT_S_MIN, HEART_BT_INT_S_MAX = 5, 60
"""Bounds of HeartBtInt <108>."""

PASSWORD_BYTES_MAX = 72
"""Longest password bcrypt looks at; a longer one is refused rather than cut."""

REFUSED = "1030: logon refused"
"""The one text for every wrong credential."""

HEART_BT_INT_OUT_OF_RANGE = f"HeartBtInt out of range {HEART_BT_INT_S_MIN} to {HEART_BT_INT_S_MAX}"
RESET_NEEDS_ONE = "141=Y requires 34=1"


class Credentials:
    """The password hashes of the sessions of one role."""

    def __init__(self, sessions: Iterable[SessionConfig]) -> None:
        self._hashes = {session.comp_id: session.password_bcrypt.encode() for session in sessions}
        known = next(iter(self._hashes.values()), b"$2b$12$")
        self._decoy = bcrypt.hashpw(b"decoy", bcrypt.gensalt(int(known[4:6])))

    def check(self, comp_id: str, username: str, password: str) -> bool:
        """Tell whether the credentials are those of ``comp_id``. Cost: one bcrypt comparison, always."""
        attempt = password.encode("utf-8", "surrogateescape")
        expected = self._hashes.get(comp_id) if username == comp_id else None
        is_same = bcrypt.checkpw(attempt[:PASSWORD_BYTES_MAX].replace(b"\x00", b"?"), expected or self._decoy)
        return is_same and expected is not None and len(attempt) <= PASSWORD_BYTES_MAX


def refuse_logon(credentials: Credentials, fields: Mapping[str, str]) -> str:
    """Check a Logon; return the text of its refusal, empty when it may come in."""
    if not credentials.check(fields["49"], fields.get("553", ""), fields.get("554", "")):
        return REFUSED
    if not HEART_BT_INT_S_MIN <= int(fields["108"]) <= HEART_BT_INT_S_MAX:
        return HEART_BT_INT_OUT_OF_RANGE
    if fields.get("141") == "Y" and fields["34"] != "1":
        return RESET_NEEDS_ONE
    return ""
