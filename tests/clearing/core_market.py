"""A market of everything, run by the engine's own core: its log, and what the books must say after it."""

from __future__ import annotations

import random

from engine.api.link import BalanceRow, EngineBalances
from engine.api.wire import encode_frame
from engine.host.core import Core
from tests.model import market as m
from tests.model.exchange import Exchange
from tests.property.strategies import Scribe


class CoreMarket:
    """Random commands of all kinds. ``records`` is the log; the model tells positions and loans."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.core, self.model = Core(), Exchange()
        self.scribe = Scribe(self.model)
        self.now_ns = m.NOW_NS
        self.records: list[bytes] = []
        for command in m.FULL_OPENING:
            self.send(m.frame(0, command))

    def play(self, steps: int) -> None:
        for _ in range(steps):
            sent = self.scribe.write(self.rng.getrandbits(32))
            self.now_ns += sent.wait_ns
            self.send(encode_frame(sent.source, 1, sent.raw))

    def send(self, frame: bytes) -> None:
        record = self.core.apply(self.now_ns, frame).records
        assert self.model.apply(self.now_ns, frame) == record
        self.records.append(record)

    def balances(self) -> EngineBalances:
        rows = [BalanceRow(a, s, str(available), str(locked)) for a, s, available, locked in self.core.balances()]
        return EngineBalances(self.core.seq, rows, self.core.positions(), self.core.loans())
