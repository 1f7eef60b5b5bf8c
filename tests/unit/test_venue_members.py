"""The members file is read strictly, and its passwords are checked without telling anything."""

from __future__ import annotations

from pathlib import Path

import bcrypt
import pytest

from fixgw.logon import (
    HEART_BT_INT_OUT_OF_RANGE,
    PASSWORD_BYTES_MAX,
    REFUSED,
    RESET_NEEDS_ONE,
    Credentials,
    refuse_logon,
)
from venue.errors import ConfigError
from venue.members import SessionConfig, load_members

CONFIG = Path(__file__).resolve().parents[2] / "config" / "members.toml"
TEXT = CONFIG.read_text()


def test_the_files_we_ship_are_read() -> None:
    members = load_members(CONFIG)
    assert [firm.name for firm in members.firm] == ["ALPHA", "BRAVO", "MMONE"]
    assert [session.comp_id for session in members.sessions("drop-copy")] == ["ALPHA-DC", "BRAVO-DC", "MMONE-DC"]


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("firm_id = 2", "firm_id = 1", "firm_id 1"),
        ("session_id = 21", "session_id = 11", "session_id 11"),
        ("account_id = 102", "account_id = 101", "account_id 101"),
        ('comp_id = "BRAVO"', 'comp_id = "ALPHA"', "comp_id ALPHA"),
        ('comp_id = "BRAVO"', 'comp_id = "bravo"', "comp_id"),
        ('comp_id = "BRAVO"', 'comp_id = "AB"', "comp_id"),
        ('kind = "order-entry"', 'kind = "market-data"', "kind"),
        ('default_account = "BRAVO"', 'default_account = "ALPHA"', "default_account ALPHA"),
        ('password_bcrypt = "$2b$', 'password_bcrypt = "$9x$', "password_bcrypt"),
        ("firm_id = 3", "firm_id = 3\nnickname = 'x'", "nickname"),
        ("account_id = 103", "account_id = 0", "account_id"),
        ("[[firm]]", "[[firm", "line"),
    ],
)
def test_what_does_not_fit_is_refused_and_named(tmp_path: Path, old: str, new: str, named: str) -> None:
    assert old in TEXT
    path = tmp_path / "members.toml"
    path.write_text(TEXT.replace(old, new, 1))
    with pytest.raises(ConfigError, match=named):
        load_members(path)


@pytest.fixture(scope="module")
def credentials() -> Credentials:
    hashed = bcrypt.hashpw(b"secret", bcrypt.gensalt(4)).decode()
    return Credentials([SessionConfig(11, "ALPHA", "order-entry", hashed)])


LOGON = {"49": "ALPHA", "34": "1", "108": "30", "553": "ALPHA", "554": "secret"}


@pytest.mark.req("FIX-03")
@pytest.mark.parametrize(
    ("changes", "answer"),
    [
        ({}, ""),
        ({"554": "wrong"}, REFUSED),
        ({"554": ""}, REFUSED),
        ({"554": "secret\x00"}, REFUSED),
        ({"554": "secret" + "x" * PASSWORD_BYTES_MAX}, REFUSED),
        ({"554": "s\udcffecret"}, REFUSED),
        ({"553": "BRAVO"}, REFUSED),
        ({"49": "BRAVO"}, REFUSED),
        ({"49": "BRAVO", "553": "BRAVO"}, REFUSED),
        ({"108": "5"}, ""),
        ({"108": "60"}, ""),
        ({"108": "4"}, HEART_BT_INT_OUT_OF_RANGE),
        ({"108": "61"}, HEART_BT_INT_OUT_OF_RANGE),
        ({"108": "-5"}, HEART_BT_INT_OUT_OF_RANGE),
        ({"108": "61", "554": "wrong"}, REFUSED),
        ({"141": "Y"}, ""),
        ({"141": "Y", "34": "2"}, RESET_NEEDS_ONE),
        ({"141": "N", "34": "2"}, ""),
    ],
)
def test_a_logon_is_let_in_or_refused(credentials: Credentials, changes: dict[str, str], answer: str) -> None:
    assert refuse_logon(credentials, LOGON | changes) == answer


def test_a_logon_without_credentials_is_refused(credentials: Credentials) -> None:
    assert refuse_logon(credentials, {"49": "ALPHA", "34": "1", "108": "30"}) == REFUSED
