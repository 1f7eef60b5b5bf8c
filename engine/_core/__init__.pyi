"""The C ABI of the compiled core as cffi shows it; drawn in engine/core/src/lib.rs."""

from collections.abc import Callable
from typing import Any, Protocol

class Bytes(Protocol):
    data: Any
    length: int

class _Applied(Protocol):
    records: Bytes
    consumed: int
    count: int
    fault: int

class _Replayed(Protocol):
    consumed: int
    count: int
    fault: int

class _Walked(Protocol):
    consumed: int
    seq: int
    crc: int

class _Standing(Protocol):
    seq: int
    event_ts_ns: int
    open_orders: int
    crc: int

class _Pointer: ...

class _Lib:
    def exchange_core_new(self, seed: int) -> _Pointer: ...
    def exchange_core_free(self, core: _Pointer) -> None: ...
    def exchange_core_apply(
        self, core: _Pointer, now_ns: int, frames: _Pointer, length: int, batch_index: int
    ) -> _Applied: ...
    def exchange_core_replay(self, core: _Pointer, records: _Pointer, length: int) -> _Replayed: ...
    def exchange_core_standing(self, core: _Pointer) -> _Standing: ...
    def exchange_core_snapshot(self, core: _Pointer) -> Bytes: ...
    def exchange_core_restore(self, snapshot: _Pointer, length: int, seed: int, refusal: Any) -> _Pointer: ...
    def exchange_core_balances(self, core: _Pointer) -> Bytes: ...
    def exchange_core_check(self, core: _Pointer) -> Bytes: ...
    def exchange_core_walk(self, records: _Pointer, length: int, seq: int, crc: int) -> _Walked: ...
    def exchange_core_crc32c(self, data: _Pointer, length: int) -> int: ...
    def exchange_core_limits(self, core: _Pointer) -> Bytes: ...

class _FFI:
    NULL: _Pointer
    def gc(self, pointer: _Pointer, destructor: Callable[[_Pointer], None]) -> _Pointer: ...
    def new(self, declaration: str) -> Any: ...
    def from_buffer(self, buffer: bytes | bytearray | memoryview) -> _Pointer: ...
    def buffer(self, pointer: Any, size: int) -> bytes: ...

lib: _Lib
ffi: _FFI
