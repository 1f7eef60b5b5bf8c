"""``exchange params`` on an engine that runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from engine.api.commands import SetParameter
from engine.api.events import ParameterSet
from engine.api.parameters import RULES, Parameter
from engine.api.wire import encode_command
from engine.client import submit_and_wait
from tests.ops.running import ROOT, command
from tests.patience import PATIENCE_S
from venue.configuration import load_venue
from venue.registration import register

IN_A_CENTURY_NS = 4_000_000_000_000_000_000


def params(data: Path, *arguments: str) -> Any:
    done = command("params", *arguments, "--data", data, "--json")
    assert done.returncode == 0, done.stderr
    return msgspec.json.decode(done.stdout)


def set_parameter(data: Path, value: int, effective_ns: int) -> tuple[int, ParameterSet]:
    rule = SetParameter(Parameter.BREAKER_NS, 0, value, effective_ns)
    (record,) = submit_and_wait(data, "test", [encode_command(rule)], PATIENCE_S)
    (told,) = [event for event in record.events if isinstance(event, ParameterSet)]
    return record.seq, told


@pytest.mark.req("GOV-04")
def test_rules_are_shown_as_they_hold_and_as_they_will(engine: Path) -> None:
    register(engine, load_venue(ROOT / "config"))
    (before,) = params(engine, "breaker_ns")["in_force"]
    assert (before["version"], before["value"].split()[0]) == (0, str(RULES[Parameter.BREAKER_NS].default))

    seq, now = set_parameter(engine, 60_000_000_000, 0)
    _, later = set_parameter(engine, 90_000_000_000, IN_A_CENTURY_NS)

    shown = params(engine, "breaker_ns")
    (in_force,), (coming,) = shown["in_force"], shown["scheduled"]
    assert (in_force["version"], in_force["since_seq"]) == (now.version, seq)
    assert in_force["value"] != before["value"] != coming["value"] != in_force["value"]
    assert coming["version"] == later.version > now.version
    assert coming["time"].startswith("2096")
