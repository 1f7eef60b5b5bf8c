"""What happens: a seed chooses one action after another, and the oracle is asked after each."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from random import Random

import msgspec

from engine.api.cursor import Cursor
from engine.api.errors import CorruptJournal, LinkError
from engine.api.wire import encode_command
from engine.host import journal, recovery
from engine.host.disk import UnsyncedDisk
from engine.standing.fold import SEQ_MAX, Fold
from engine.standing.standing import fold_to
from tests.model.market import FULL_OPENING
from tests.property.strategies import Scribe
from tests.simulation import faults
from tests.simulation.clients import Gateway, stray_bytes
from tests.simulation.clock import SECOND_NS
from tests.simulation.faults import Fault, Flip
from tests.simulation.lines import Line
from tests.simulation.world import World, installed, is_found_by_verify

STEPS = 2_000
"""Actions of one run, before everything is brought to rest."""

NAMES = ("north", "south", "west")

ROUNDS_TO_REST_MAX = 3_000
"""How often everyone has his turn at the end, until nothing is in flight any more."""

UP = {
    "turn": 300,
    "submit": 200,
    "pass_bytes": 250,
    "read": 300,
    "keep": 100,
    "cut": 12,
    "reconnect": 8,
    "take_over": 3,
    "zombie_ends": 3,
    "watcher": 8,
    "stray": 8,
    "wait": 30,
    "clock_steps": 12,
    "clock_wrong": 1,
    "arm": 8,
    "kill": 1,
    "power_cut": 1,
    "stop": 1,
    "snapshot": 3,
    "compare": 25,
}
"""Actions while the engine is up, and how often."""

DOWN = {"start": 40, "submit": 20, "pass_bytes": 20, "read": 40, "keep": 30, "wait": 10, "power_cut": 4, "flip": 25}
"""Actions while it is down."""


class Report(msgspec.Struct, frozen=True):
    """What a run came to. Two runs of one seed have the same ``trace``."""

    seed: int
    trace: str
    records: int
    counts: dict[str, int]


class SimulationFailed(AssertionError):
    """Something that must be so was not; says how to see it again."""

    def __init__(self, seed: int, step: int, steps: int, error: BaseException) -> None:
        again = f"python -m tests.simulation --seed {seed}" + ("" if steps == STEPS else f" --steps {steps}")
        super().__init__(f"seed={seed} step={step}: {type(error).__name__}: {error}\n  again: {again}")
        self.seed, self.step = seed, step


class Author(Scribe):
    """A scribe who counts by himself: many of his commands may be on their way at a time."""

    written = 0

    @property
    def seq(self) -> int:
        return self.written


class Simulation:
    """One run."""

    def __init__(self, world: World, seed: int) -> None:
        self.world = world
        self.rng = world.rng
        self.author = Author(world.oracle.model)
        self._commands = Random(f"{seed} commands")
        self.steps = 0

    # --- the course of it -------------------------------------------------------------------------------

    def run(self, steps: int) -> None:
        """Open, take so many steps, and bring everything to rest."""
        self.open()
        while self.steps < steps:
            self.steps += 1
            self.step()
        self.close()

    def open(self) -> None:
        """Start the engine, register everything, and let everyone connect."""
        world = self.world
        world.start()
        for name in NAMES:
            world.add_gateway(name)
        world.add_watcher()
        waiting = [encode_command(command) for command in FULL_OPENING]
        while waiting:
            while waiting and world.gateways[0].submit(0, waiting[0], 0):
                del waiting[0]
            world.gateways[0].flush()
            self.come_to_rest()

    def step(self) -> None:
        """Do one thing."""
        weights = UP if self.world.engine else DOWN
        (action,) = self.rng.choices([*weights], [*weights.values()])
        self.world.oracle.trace.update(action.encode())
        self.world.clock.advance(self.rng.choice((0, 1_000, 1_000_000, 10_000_000)))
        getattr(self, action)()
        if self.world.clock.is_wrong and self.rng.random() < 0.15:
            self.world.clock.go_right()

    def close(self) -> None:
        """Let everything come right: in the end each command is a record, once, and all have seen it."""
        world = self.world
        world.disk.make_room()
        world.clock.go_right()
        for zombie in world.zombies:
            zombie.close()
        for stray in world.strays:
            stray.close()
        world.zombies.clear()
        world.strays.clear()
        if world.disk.lie is not None and world.engine:
            world.crash(is_power_cut=False)
        self.come_to_rest()
        world.oracle.check_all_executed({gateway.number for gateway in world.gateways})
        assert world.engine is not None
        world.oracle.compare(world.core)
        world.stop()
        self._check_files()

    def come_to_rest(self) -> None:
        """Give everyone his turn until nothing is in flight."""
        world = self.world
        for _ in range(ROUNDS_TO_REST_MAX):
            if world.engine is None:
                world.start()
                continue
            world.clock.advance(1_000_000)
            for gateway in world.gateways:
                gateway.flush()
                gateway.keep()
                gateway.pass_bytes(all_of_it=True)
                gateway.observe()
            for watcher in world.watchers:
                watcher.read()
            world.turn()
            if world.engine is not None and self._is_at_rest():
                return
        raise AssertionError(f"still in flight: {[gateway.inflight for gateway in world.gateways]}")

    def _is_at_rest(self) -> bool:
        idle = not any(gateway.inflight for gateway in self.world.gateways)
        return idle and all(w.next_seq == self.world.durable_seq + 1 for w in self.world.followers())

    def _check_files(self) -> None:
        """Check the files alone: the chain from the beginning, and a recovery without snapshots."""
        data, oracle = self.world.data, self.world.oracle
        assert sum(count for _, count in recovery.verify(data / "journal")) == len(oracle.records)
        recovered = recovery.recover(data / "journal", data / "no-snapshots", UnsyncedDisk())
        assert recovered.core.digest() == oracle.plain.digest(), "the journal does not lead to the state"
        whole = Fold(recovered.tail.journal)
        whole.take(b"".join(oracle.records))
        assert fold_to(data, Cursor(SEQ_MAX)).snapshot() == whole.snapshot(), "what was kept leads to another standing"

    # --- clients ----------------------------------------------------------------------------------------

    def submit(self) -> None:
        """Let a gateway take some commands, and most likely send them."""
        gateway = self.rng.choice(self._all_gateways())
        self._submit_to(gateway, self.rng.choice((1, 1, 2, 5, 12)))
        if self.rng.random() < 0.8:
            gateway.flush()

    def _submit_to(self, gateway: Gateway, count: int) -> None:
        for _ in range(count):
            self.author.written += 1
            sent = self.author.write(self._commands.randrange(2**32))
            self.world.clock.advance(sent.wait_ns)
            self.world.oracle.counts["submitted"] += gateway.submit(sent.source, sent.raw, self.rng.randrange(2**32))

    def pass_bytes(self) -> None:
        gateway = self.rng.choice(self._all_gateways())
        self.world.oracle.note("passed", gateway.number, gateway.pass_bytes())
        for stray in self.world.strays:
            stray.pass_bytes()

    def read(self) -> None:
        """Let someone read what was published."""
        if self.rng.random() < 0.6:
            gateway = self.rng.choice(self._all_gateways())
            self.world.oracle.note("read", gateway.number, gateway.observe())
        elif self.world.watchers:
            watcher = self.rng.choice(self.world.watchers)
            self.world.oracle.note("read", watcher.name, len(watcher.read()))

    def keep(self) -> None:
        for gateway in self._all_gateways():
            gateway.keep()

    def cut(self) -> None:
        """Cut a line, in the middle of whatever crosses it."""
        gateway = self.rng.choice(self._all_gateways())
        self.rng.choice((gateway.cut, gateway.follower.cut, *(watcher.cut for watcher in self.world.watchers)))()

    def reconnect(self) -> None:
        """Send much, break off, and be back before the engine has read it."""
        gateway = self.rng.choice(self.world.gateways)
        self._submit_to(gateway, 12)
        gateway.flush()
        gateway.pass_bytes(all_of_it=True)
        gateway.cut()
        for _ in range(4):
            gateway.keep()

    def take_over(self) -> None:
        """Start a gateway of the same name; the old one does not know it, and goes on for a while."""
        old = self.rng.choice(self.world.gateways)
        self.world.gateways.remove(old)
        self.world.zombies.append(old)
        self.world.add_gateway(old.name)
        self.world.oracle.note("take over", old.name)

    def zombie_ends(self) -> None:
        if self.world.zombies:
            self.world.zombies.pop(0).close()

    def watcher(self) -> None:
        """Let one come, or one go."""
        watchers = self.world.watchers
        if len(watchers) < 4:
            self.world.add_watcher()
        else:
            watchers.pop(self.rng.randrange(len(watchers))).close()

    def stray(self) -> None:
        """Let someone connect who has no manners, or hang up."""
        if self.world.strays and self.rng.random() < 0.5:
            self.world.strays.pop(0).close()
            return
        try:
            line = Line(self.world.data / "engine.sock", self.rng)
        except LinkError:
            return
        line.sendall(stray_bytes(self.rng))
        self.world.strays.append(line)

    def _all_gateways(self) -> list[Gateway]:
        return [*self.world.gateways, *self.world.zombies]

    # --- the engine, its clock and its disk -------------------------------------------------------------

    def turn(self) -> None:
        self.world.turn()

    def compare(self) -> None:
        self.world.oracle.compare(self.world.core)

    def wait(self) -> None:
        self.world.clock.advance(self.rng.choice((SECOND_NS, 3 * SECOND_NS, 70 * SECOND_NS)))

    def clock_steps(self) -> None:
        self.world.oracle.note("clock", self.world.clock.step())

    def clock_wrong(self) -> None:
        if self.world.core.seq:
            self.world.oracle.note("clock", self.world.clock.go_wrong(self.world.oracle.model.event_ts_ns))

    def arm(self) -> None:
        """Let something go wrong with the disk soon."""
        fault = self.rng.choice([*Fault])
        if self.world.disk.lie is None and self.world.disk.armed is None:
            self.world.oracle.note("armed", fault.name)
            self.world.disk.arm(fault)

    def snapshot(self) -> None:
        """Let a snapshot be due."""
        assert self.world.engine is not None
        self.world.engine._snapshots._taken_ns -= 3_600 * SECOND_NS

    def kill(self) -> None:
        self.world.crash(is_power_cut=False)

    def power_cut(self) -> None:
        """Cut the power, also while the engine is down and not all it wrote is on the disk."""
        if self.world.disk.lie is not None:
            return
        if self.world.engine:
            self.world.crash(is_power_cut=True)
        else:
            self.world.cut_power()
            self.world.oracle.note("power cut")

    def stop(self) -> None:
        self.world.stop()

    def start(self) -> None:
        """Start it, mostly on a disk that works."""
        self.world.disk.make_room()
        if self.rng.random() < 0.1 and self.world.disk.lie is None:
            self.world.disk.arm(self.rng.choice([Fault.SYNC_FAILS, Fault.DISK_FULL, Fault.KILL, Fault.POWER_CUT]))
        self.world.recover()

    def flip(self) -> None:
        """Flip a bit at rest and start: it is refused with its place, or did no harm; then flip it back."""
        world = self.world
        if world.disk.lie is not None:
            return
        chosen = (faults.choose_flip(world.disk.journal, world.disk.snapshots, self.rng),)
        if self.rng.random() < 0.3:
            chosen = (faults.choose_snapshot_flip(world.disk.snapshots, self.rng),)
        if chosen[0] is not None:
            self._start_with(chosen[0])

    def _start_with(self, flip: Flip) -> None:
        world, is_segment = self.world, flip.path.suffix == ".seg"
        world.disk.make_room()
        lock_fd = journal.lock(world.disk.journal)
        sound = flip.path.read_bytes()
        flipped = flip.apply(sound)
        try:
            try:
                recovered = recovery.recover(world.disk.journal, world.disk.snapshots, world.disk)
            except CorruptJournal as refused:
                assert is_segment and flip.is_read, f"{flip.path.name} is not needed, but it was refused: {refused}"
                assert (refused.segment, True) == (flip.path.name, refused.offset <= flip.at), f"{flip}: {refused}"
                world.oracle.note("flip refused")
            else:
                assert not (is_segment and flip.is_read), f"{flip} was not noticed"
                assert recovered.core.seq >= len(world.oracle.records), f"{flip} cost records"
                world.oracle.note("flip borne")
                if is_segment:
                    is_found_by_verify(world.disk.journal, flip.path, flip.at)
            assert flip.path.read_bytes() == flipped, f"{flip} was repaired silently"
        finally:
            flip.path.write_bytes(sound)
            os.close(lock_fd)


def run(seed: int, steps: int = STEPS) -> Report:
    """Run one seed. Raises: SimulationFailed."""
    shared_memory = Path("/dev/shm")
    directory = shared_memory if shared_memory.is_dir() else None
    with tempfile.TemporaryDirectory(prefix="sim-", dir=directory) as name:
        world = World(Path(name), seed)
        simulation = Simulation(world, seed)
        with installed(world):
            try:
                simulation.run(steps)
            except (Exception, faults.Crash) as error:
                raise SimulationFailed(seed, simulation.steps, steps, error) from error
            finally:
                world.leave()
    counts = dict(sorted(world.oracle.counts.items()))
    return Report(seed, world.oracle.trace.hexdigest(), len(world.oracle.records), counts)
