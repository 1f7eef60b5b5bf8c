"""What must be so, whatever happens: asked after every step.

- what anyone ever saw stays, byte for byte, and was durable when it was seen;
- there is one history: each record is what a plain core and the slow twin make of the same command at the same time,
  and the engine's state is theirs;
- each command of a gateway becomes a record once at most, in the order submitted, and once exactly in the end;
- the engine adds a command of its own when something is due, and only then;
- money is neither made nor lost: the core's own check of all its sums.
"""

from __future__ import annotations

import hashlib
from collections import Counter

from engine.api.commands import OPERATIONS, AdvanceTime
from engine.api.wire import HEADER, HEADER_BYTES, decode_records, encode_command, encode_frame, split_frames
from engine.host.core import Core, Fault
from tests.model.exchange import Exchange
from tests.model.snapshot import digest
from tests.property.twins import difference
from tests.simulation.clock import Clock
from tests.simulation.faults import FaultyDisk


class Oracle:
    """Knows the history as far as anyone could have seen it."""

    def __init__(self, disk: FaultyDisk, clock: Clock) -> None:
        self.disk = disk
        self.clock = clock
        self.records: list[bytes] = []
        self.model = Exchange()
        self.plain = Core()
        self.trace = hashlib.sha256()
        self.counts: Counter[str] = Counter()
        self._submitted: dict[tuple[int, int], tuple[int, int, bytes]] = {}
        """Source and source_seq -> gateway, its number for the command, and the command."""
        self._submissions: Counter[int] = Counter()
        self._executed: dict[int, list[int]] = {}
        """Gateway -> its numbers for the commands that became records."""
        self._batch_of: dict[int, int] = {}
        """Seq -> the first seq of its batch."""
        self._silent_after: int | None = None
        self._durable_seq = 0

    def note(self, what: str, *details: object) -> None:
        """Make something part of the trace, and count it."""
        self.counts[what] += 1
        self.trace.update(f"{what} {details}\n".encode())

    def submitted(self, gateway: int, source: int, source_seq: int, raw: bytes) -> None:
        """Learn that a gateway's link took a command."""
        key = source, source_seq
        assert key not in self._submitted, f"source_seq {source_seq} of source {source} was used twice"
        self._submitted[key] = gateway, self._submissions[gateway], raw
        self._submissions[gateway] += 1

    def stamped(self, first_seq: int, last_seq: int) -> None:
        """Learn which records the engine made in one turn, to be one batch."""
        self._batch_of |= dict.fromkeys(range(first_seq, last_seq + 1), first_seq)

    # --- what followers see -----------------------------------------------------------------------------

    def saw(self, who: str, records: bytes) -> None:
        """Hold records that were published against the history; what is new becomes part of it."""
        spans, _ = split_frames(records)
        for start, end in spans:
            record = records[start:end]
            seq = _seq_of(record)
            assert self._silent_after is None or seq <= self._silent_after, f"{who} saw {seq}, published after a fault"
            if seq <= len(self.records):
                assert record == self.records[seq - 1], f"{who} saw another record {seq} than others"
            else:
                assert self._is_durable(seq), f"{who} saw record {seq}, but only {self._durable_seq} are durable"
                self._learn(record)

    def _is_durable(self, seq: int) -> bool:
        """Tell whether a record would survive a power cut, as far as the disk has not lied."""
        if seq > self._durable_seq:
            self._durable_seq = self.disk.durable_seq()
        return seq <= self._durable_seq or self.disk.lie is not None

    def falls_silent(self, durable_seq: int) -> None:
        """Expect nothing beyond ``durable_seq`` to be seen until the engine has started again."""
        self._silent_after = durable_seq

    def _learn(self, record: bytes) -> None:
        """Execute the next record in the twins."""
        length, _, seq, ts_ns, _, source, source_seq, command_length, batch_index, _ = HEADER.unpack_from(record)
        assert (seq, length) == (len(self.records) + 1, len(record)), f"record {seq} follows {len(self.records)}"
        assert ts_ns > self.model.event_ts_ns, f"record {seq} is stamped {ts_ns}, not after the last event"
        assert seq == self._batch_of[seq] + batch_index, f"record {seq} has place {batch_index} in its batch"
        raw = record[HEADER_BYTES : HEADER_BYTES + command_length]
        if (source, source_seq) == (OPERATIONS, 0):
            self._was_due(seq, ts_ns, raw)
        else:
            self._execute_once(source, source_seq, raw, seq)
        expected = self.model.apply(ts_ns, encode_frame(source, source_seq, raw), batch_index)
        if record != expected:
            raise AssertionError(difference(*decode_records(record), *decode_records(expected)))
        done = self.plain.replay(record)
        assert done.fault is Fault.NONE, f"a plain replay ends at record {seq}: {done.fault.name}"
        self.records.append(record)
        self.trace.update(record)

    def _was_due(self, seq: int, ts_ns: int, raw: bytes) -> None:
        """Check that the engine had reason to look at the clock by itself."""
        assert raw == encode_command(AdvanceTime()), f"record {seq}: the engine may only let time pass"
        assert 0 < self.model.next_due_ns <= ts_ns, f"record {seq}: nothing was due"
        self.counts["advanced time"] += 1

    def _execute_once(self, source: int, source_seq: int, raw: bytes, seq: int) -> None:
        assert (source, source_seq) in self._submitted, f"nobody submitted record {seq}, or it was executed twice"
        gateway, number, submitted = self._submitted.pop((source, source_seq))
        assert raw == submitted, f"record {seq} holds another command than was submitted"
        executed = self._executed.setdefault(gateway, [])
        assert not executed or executed[-1] < number, f"record {seq} overtook a later command of its gateway"
        executed.append(number)

    # --- the engine -------------------------------------------------------------------------------------

    def recovered(self, core: Core, journal: bytes) -> None:
        """Hold a recovered engine and the records of its journal against the history; learn what was never seen."""
        spans, rest = split_frames(journal)
        assert rest == len(journal), "the recovered journal ends within a record"
        assert len(spans) >= len(self.records), (
            f"records {len(spans) + 1} to {len(self.records)} were seen and are lost"
        )
        for seq, (start, end) in enumerate(spans, 1):
            if seq <= len(self.records):
                assert journal[start:end] == self.records[seq - 1], f"record {seq} is not the one that was seen"
            else:
                self._learn(journal[start:end])
        assert core.seq == len(spans), f"the core stands at {core.seq}, its journal at {len(spans)}"
        self._silent_after, self._durable_seq = None, 0
        self.compare(core)

    def compare(self, core: Core) -> None:
        """Compare the engine's state with the twins', when they are as far as it is."""
        core.check()
        if core.seq == len(self.records):
            expected = self.plain.digest()
            assert core.digest() == expected, f"the state after record {core.seq} is not that of a plain replay"
            assert digest(self.model) == expected, f"the twins differ after record {core.seq}"
            assert core.next_due_ns == self.model.next_due_ns, f"after record {core.seq} the twins wait for other times"

    def check_all_executed(self, gateways: set[int]) -> None:
        """Check, at the end, that each command of these gateways has become a record."""
        missing = [(gateway, number) for gateway, number, _ in self._submitted.values() if gateway in gateways]
        assert not missing, f"(gateway, command) never executed: {missing[:5]}"


def _seq_of(record: bytes) -> int:
    return int.from_bytes(record[8:16], "little")
