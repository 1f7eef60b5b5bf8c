"""A gateway with one bug: ``faulty_gateway.py WORK EXCEPTION`` raises when that work is first done."""

from __future__ import annotations

import builtins
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from fixgw.__main__ import main
from fixgw.desk import Desk
from fixgw.session_layer import SessionLayer

PLACES: dict[str, tuple[type, str]] = {
    "message": (Desk, "take"),
    "logon": (SessionLayer, "take"),
    "logged_on": (SessionLayer, "logged_on"),
    "logged_out": (SessionLayer, "logged_out"),
    "complete": (SessionLayer, "complete"),
}


def fail_once(place: type, name: str, exception: type[BaseException]) -> None:
    work: Callable[..., Any] = getattr(place, name)
    failed: list[bool] = []

    def failing(*arguments: Any) -> Any:
        if not failed:
            failed.append(True)
            raise exception("planted")
        return work(*arguments)

    setattr(place, name, failing)


if __name__ == "__main__":
    fail_once(*PLACES[sys.argv.pop(1)], getattr(builtins, sys.argv.pop(1)))
    sys.exit(main())
