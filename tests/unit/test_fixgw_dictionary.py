"""Our dictionary agrees with FIX 4.4 wherever it does not say otherwise, and README.md lists where it does."""

from __future__ import annotations

import re
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from fixgw.dictionary import DICTIONARY

STOCK = Path(sys.prefix) / "share" / "quickfix" / "FIX44.xml"
README = (DICTIONARY.parent / "README.md").read_text()

Definition = tuple[str, str, frozenset[str]]


def fields(path: Path) -> dict[int, Definition]:
    found = {}
    for field in ET.parse(path).getroot().findall("fields/field"):
        values = frozenset(value.attrib["enum"] for value in field)
        found[int(field.attrib["number"])] = (field.attrib["name"], field.attrib["type"], values)
    return found


def members(path: Path) -> dict[str, dict[str, str]]:
    """Return the fields of each message by MsgType, with ``Y`` or ``N``; components are opened up."""
    root = ET.parse(path).getroot()
    components = {c.attrib["name"]: c for c in root.findall("components/component")}

    def inside(node: ET.Element) -> dict[str, str]:
        found: dict[str, str] = {}
        for part in node:
            if part.tag == "component":
                found |= inside(components[part.attrib["name"]])
            else:
                found[part.attrib["name"]] = part.attrib["required"]
        return found

    return {message.attrib["msgtype"]: inside(message) for message in root.findall("messages/message")}


OURS, THEIRS = fields(DICTIONARY), fields(STOCK)


@pytest.mark.req("FIX-01", "FIX-28")
@pytest.mark.parametrize("tag", sorted(OURS))
def test_a_field_is_that_of_fix_44_or_listed_as_our_own(tag: int) -> None:
    if tag in THEIRS:
        name, kind, values = OURS[tag]
        assert (name, kind) == THEIRS[tag][:2]
        own = {"L"} if tag == 150 else set()
        assert values - own == THEIRS[tag][2] or (tag == 35 and not values)
    else:
        assert 20000 <= tag <= 20112 and f"| {tag} |" in README


OUR_MESSAGES, THEIR_MESSAGES = members(DICTIONARY), members(STOCK)


@pytest.mark.req("FIX-28")
@pytest.mark.parametrize("kind", sorted(OUR_MESSAGES))
def test_every_difference_of_a_message_is_listed(kind: str) -> None:
    ours, theirs = OUR_MESSAGES[kind], THEIR_MESSAGES[kind]
    numbers = {name: tag for tag, (name, _, _) in (THEIRS | OURS).items()}
    added = {numbers[name] for name in ours if name not in theirs}
    relaxed = {numbers[name] for name, required in theirs.items() if required == "Y" and ours.get(name) != "Y"}
    tightened = {numbers[name] for name, required in ours.items() if required == "Y" and theirs.get(name) != "Y"}
    row = re.search(rf"^\| {kind} \|([^|]*)\|([^|]*)\|([^|]*)\|", README, re.MULTILINE)
    listed = (
        [{int(tag) for tag in re.findall(r"\d+", column)} for column in row.groups()] if row else [set(), set(), set()]
    )
    assert [added, relaxed, tightened] == listed


def test_every_field_is_used() -> None:
    used = {name for message in OUR_MESSAGES.values() for name in message}
    root = ET.parse(DICTIONARY).getroot()
    used |= {part.attrib["name"] for node in root.findall("header") + root.findall("trailer") for part in node}
    used |= {part.attrib["name"] for part in root.findall("messages/message/group/field")}
    assert used == {name for name, _, _ in OURS.values()}
