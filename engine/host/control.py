"""Answers to operations: the engine as it stands, between two batches."""

from __future__ import annotations

from collections import deque

import msgspec

from engine.api.link import BalanceRow, ControlRequest, EngineBalances, EngineStatus
from engine.host.core import Core
from engine.host.rules import list_rules

SYNCS_REMEMBERED = 1_000
"""Syncs whose cost the status reports percentiles of."""


class Measures:
    """What the loop counts as it turns; never part of the state."""

    def __init__(self) -> None:
        self.batches = 0
        self._sync_ns: deque[int] = deque(maxlen=SYNCS_REMEMBERED)

    def synced(self, cost_ns: int) -> None:
        """Count one durable batch and what making it durable cost."""
        self.batches += 1
        self._sync_ns.append(cost_ns)

    def sync_us(self, percent: int) -> int:
        """Return a percentile of the remembered syncs in microseconds, 0 before the first."""
        costs = sorted(self._sync_ns)
        return costs[min(len(costs) - 1, len(costs) * percent // 100)] // 1000 if costs else 0


def answer(raw: bytes, core: Core, links: list[str], measures: Measures, status: EngineStatus) -> msgspec.Struct:
    """Answer one control request. Raises: ValueError when it is none.

    ``status`` carries what does not change while the engine runs.
    """
    request = msgspec.json.decode(raw, type=ControlRequest)
    if request.ask == "balances":
        rows = [BalanceRow(a, s, str(available), str(locked)) for a, s, available, locked in core.balances()]
        return EngineBalances(core.seq, rows, core.positions(), core.loans())
    if request.ask == "rules":
        return list_rules(core)
    return msgspec.structs.replace(
        status,
        seq=core.seq,
        ts_ns=core.ts_ns,
        open_orders=core.open_orders,
        links=links,
        batches=measures.batches,
        sync_p50_us=measures.sync_us(50),
        sync_p99_us=measures.sync_us(99),
        state_sha256=core.digest().hex() if request.ask == "digest" else "",
    )
