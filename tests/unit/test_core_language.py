"""One language on both sides of the seam: the core's table of numbers and layouts is Python's."""

from __future__ import annotations

from enum import IntEnum

from engine.api import enums
from engine.api.parameters import RULES, Parameter, Subject
from engine.api.rejects import ErrorCode
from engine.api.wire import layouts
from engine.host.core import Core, Fault

SETS: dict[str, type[IntEnum]] = {
    **{name: kind for name, kind in vars(enums).items() if isinstance(kind, type) and issubclass(kind, IntEnum)},
    "Code": ErrorCode,
    "Parameter": Parameter,
    "Subject": Subject,
    "Fault": Fault,
}
ONLY_IN_PYTHON = {"CommandType", "EventType"}
"""The numbers of messages stand in their layouts."""


def test_every_message_has_the_same_number_and_layout() -> None:
    compiled = {line for line in Core().layouts() if not line.startswith(("set ", "parameter "))}
    assert compiled == set(layouts())


def test_every_parameter_has_the_same_bounds_and_default() -> None:
    compiled = [line for line in Core().layouts() if line.startswith("parameter ")]
    published = [
        f"parameter {parameter.name} {rule.subject} {rule.minimum} {rule.maximum} {rule.default}"
        for parameter, rule in RULES.items()
    ]
    assert compiled == published
    assert list(RULES) == list(Parameter)


def test_every_set_has_the_same_members() -> None:
    compiled: dict[str, dict[str, int]] = {}
    for line in Core().layouts():
        if line.startswith("set "):
            _, kind, member, number = line.split()
            compiled.setdefault(kind, {})[member] = int(number)
    published = {name: {member.name: member.value for member in kind} for name, kind in SETS.items()}
    assert compiled.keys() | ONLY_IN_PYTHON >= published.keys() - {"IntEnum"}
    for name, members in compiled.items():
        assert members.items() <= published[name].items(), name
    absent = {
        (name, member) for name, members in compiled.items() for member in published[name].keys() - members.keys()
    }
    # What stands for nothing, and what only gateways say of an order.
    assert absent == {("Code", "NONE"), ("Fault", "NONE"), ("OrderState", "REJECTED"), ("OrderState", "UNKNOWN")}
