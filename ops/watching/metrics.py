"""Figures for Prometheus, made at the moment they are asked for: none is older than what it is made of says."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from ops.running.state import ProcessStatus
from ops.watching.inspection import Inspection, ProcessView
from ops.watching.watch import Watch


class Metrics(Collector):
    """Every figure of the exchange, from one inspection a scrape."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self._registry = CollectorRegistry()
        self._registry.register(self)

    def text(self) -> bytes:
        """Write all figures in Prometheus' format."""
        return generate_latest(self._registry)

    def describe(self) -> list[GaugeMetricFamily]:
        """Register without being asked for figures."""
        return []

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield all figures."""
        inspection = self._watch.inspection()
        yield _figure("exchange_healthy", "1 while healthy, else 0.", inspection.health == "healthy")
        yield _figure("exchange_engine_seq", "Last durable record.", self._watch.engine_seq)
        yield _figure("exchange_disk_free_bytes", "Free where the data directory lies.", inspection.disk_free_bytes)
        yield from _engine_figures(inspection)
        yield from _process_figures(inspection.processes)
        for process in inspection.processes:
            if process.name == "clearing":
                cursor = max(0, process.progress)
                yield _figure("exchange_clearing_cursor", "Last record known to be in the books.", cursor)
                lag = process.lag_records or 0
                yield _figure("exchange_clearing_lag_records", "Records the books are behind.", lag)


def _engine_figures(inspection: Inspection) -> Iterator[GaugeMetricFamily]:
    age_s = inspection.engine_age_s
    yield _figure("exchange_engine_answer_age_seconds", "Age of what the engine answered last.", age_s)
    engine = inspection.engine
    if engine is not None:
        yield _figure("exchange_open_orders", "Open orders in all books.", engine.open_orders)
        p99 = engine.sync_p99_us / 1_000_000
        yield _figure("exchange_sync_p99_seconds", "Slowest hundredth of the last syncs.", p99)


def _process_figures(processes: list[ProcessView]) -> Iterator[GaugeMetricFamily]:
    up = _family("exchange_up", "1 while the process is ready and its loop turns.")
    fault = _family("exchange_fault", "1 while something keeps the process from its work; /status says what.")
    restarts = _family("exchange_restarts", "Restarts since the supervisor started.")
    age = _family("exchange_heartbeat_age_seconds", "Time since the process was last heard of.")
    lag = _family("exchange_lag_records", "Records a follower of the log is behind.")
    for process in processes:
        labels = [process.name]
        up.add_metric(labels, process.status is ProcessStatus.READY)
        fault.add_metric(labels, bool(process.fault))
        restarts.add_metric(labels, process.restarts)
        age.add_metric(labels, process.silent_s)
        if process.lag_records is not None:
            lag.add_metric(labels, process.lag_records)
    yield from (up, fault, restarts, age, lag)


def _family(name: str, meaning: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, meaning, labels=["process"])


def _figure(name: str, meaning: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, meaning, value=value)
