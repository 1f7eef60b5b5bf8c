"""The compiled core and its slow twin side by side, and how they differ when they do."""

from __future__ import annotations

from itertools import zip_longest

from engine.api import commands as c
from engine.api.wire import Record, decode_records, encode_frame
from engine.host.core import Core, Fault
from tests.model import market as m
from tests.model.exchange import Exchange
from tests.model.snapshot import sections, snapshot
from tests.property.strategies import Scribe

BATCH_INDEX = 7


class Twins:
    """A core and a model that must not differ."""

    def __init__(self, opening: tuple[c.Command, ...] = m.FULL_OPENING, steps_max: int = 0) -> None:
        self.core = Core()
        self.model = Exchange()
        self.scribe = Scribe(self.model)
        self.records = bytearray()
        self.now_ns = m.NOW_NS
        for command in opening:
            self.send(0, command)
        if steps_max:
            # So that work goes on in later records all the time.
            self.model.steps_max = steps_max
            self.core = Core.restore(snapshot(self.model))

    def send(self, source: int, command: c.Command) -> Record:
        """Send a command to both."""
        return decode_records(self.apply(m.frame(source, command)))[0]

    def write(self, seed: int) -> Record:
        """Let the scribe write a command, and send it to both."""
        sent = self.scribe.write(seed)
        self.now_ns += sent.wait_ns
        return decode_records(self.apply(encode_frame(sent.source, 1, sent.raw)))[0]

    def apply(self, raw: bytes) -> bytes:
        """Apply a frame to both, and return the record. Raises: AssertionError when their records differ."""
        expected = self.model.apply(self.now_ns, raw, BATCH_INDEX)
        applied = self.core.apply(self.now_ns, raw, BATCH_INDEX)
        assert (applied.consumed, applied.count, applied.fault) == (len(raw), 1, Fault.NONE)
        if applied.records != expected:
            raise AssertionError(difference(*decode_records(applied.records), *decode_records(expected)))
        assert self.core.next_due_ns == self.model.next_due_ns, "core and model differ in what is due next"
        self.records += expected
        return expected

    def check(self) -> None:
        """Check that both are sound and have the same state. Raises: AssertionError naming what differs."""
        self.core.check()
        actual, expected = self.core.snapshot(), snapshot(self.model)
        if actual != expected:
            at = next((n for n, (a, b) in enumerate(zip(actual, expected, strict=False)) if a != b), len(expected))
            raise AssertionError(f"the snapshots differ in {self.section(at)}")

    def section(self, offset: int) -> str:
        """Name the part of the model's snapshot an offset lies in."""
        start = 0
        for name, body in sections(self.model).items():
            if offset < start + len(body):
                return f"{name}, byte {offset - start} of {len(body)}"
            start += len(body)
        return "the checksum"


def difference(core: Record, model: Record) -> str:
    """Say how two records of one command differ, event by event."""
    lines = ["core and model differ:", f"source {model.source} at {model.ts_ns}: {model.command}"]
    if core.ts_ns != model.ts_ns:
        lines.append(f"core's time is {core.ts_ns}")
    for ours, theirs in zip_longest(core.events, model.events):
        lines += [f"  both   {ours}"] if ours == theirs else [f"  core   {ours}", f"  model  {theirs}"]
    return "\n".join(lines)
