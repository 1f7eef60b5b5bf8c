"""A gateway with one bug: ``faulty_gateway.py CALLBACK EXCEPTION`` raises when the callback's work is first done."""

from __future__ import annotations

import builtins
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from fixgw.__main__ import main
from fixgw.application import Application


def fail_once(name: str, exception: type[BaseException]) -> None:
    work: Callable[..., Any] = getattr(Application, name)
    failed: list[bool] = []

    def failing(*arguments: Any) -> Any:
        if not failed:
            failed.append(True)
            raise exception("planted")
        return work(*arguments)

    setattr(Application, name, failing)


if __name__ == "__main__":
    fail_once(sys.argv.pop(1), getattr(builtins, sys.argv.pop(1)))
    sys.exit(main())
