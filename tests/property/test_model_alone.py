"""The model by itself: what section 11 of the rules says of the books holds after every command."""

from __future__ import annotations

from random import Random

import pytest

from engine.api.wire import encode_frame
from tests.model import invariants
from tests.model.market import NOW_NS
from tests.property.strategies import Scribe, opened


@pytest.mark.req("INV-01", "INV-06", "DRV-11", "ORD-06")
@pytest.mark.parametrize("start", range(100, 103))
def test_the_invariants_hold_after_every_command(start: int) -> None:
    rng, model, now_ns = Random(start), opened(), NOW_NS
    scribe = Scribe(model)
    for _ in range(400):
        sent = scribe.write(rng.randrange(2**32))
        now_ns += sent.wait_ns
        model.apply(now_ns, encode_frame(sent.source, 1, sent.raw))
        invariants.check(model)
