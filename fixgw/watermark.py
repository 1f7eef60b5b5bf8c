"""How far a session was served, beside QuickFIX's own store."""

from __future__ import annotations

import mmap
from pathlib import Path
from struct import Struct

from engine.api.ids import Seq
from fixgw.errors import StoreError
from fixgw.places import Place

_MARK = Struct("<8sQQQQQQ")
_MAGIC = b"EXCHSENT"
_WORD = Struct("<Q")
_LIFE = Struct("<QQ")


class Watermark:
    """Places of reports, kept in a mapped file so that they outlive the process.

    Each is one aligned word, so that a killed process leaves the old value or the new one::

        offset size  field
             0    8  magic      b"EXCHSENT"
             8    8  seen       the member has surely had everything up to here
            16    8  sent       QuickFIX has stored everything up to here; its own files may be one ahead
            24    8  repeated   what goes out up to here may have been seen, and carries PossResend <97>
            32   16  life       which life of the store ``sent`` speaks of, as StoreFiles.identity
            48    8  reset_seq  last record of the log when the numbers were last reset
    """

    def __init__(self, path: Path) -> None:
        if not path.exists():
            fresh = path.with_suffix(".new")
            fresh.write_bytes(_MARK.pack(_MAGIC, 0, 0, 0, 0, 0, 0))
            fresh.rename(path)
        if path.stat().st_size != _MARK.size or path.read_bytes()[:8] != _MAGIC:
            raise StoreError(
                f"{path} does not say how far a session was served",
                "it away: its member may then get reports a second time, marked 97=Y",
            )
        with path.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), _MARK.size)
        _, seen, sent, repeated, *life, reset_seq = _MARK.unpack_from(self._map)
        self.seen, self.sent, self.repeated = Place(seen), Place(sent), Place(repeated)
        self.reset_seq = Seq(reset_seq)
        self.life: tuple[int, int] = (life[0], life[1])

    def set_seen(self, place: Place) -> None:
        """Note that the member has had everything up to ``place``."""
        self.seen = place
        _WORD.pack_into(self._map, 8, place)

    def set_sent(self, place: Place) -> None:
        """Note that QuickFIX has stored everything up to ``place``."""
        self.sent = place
        _WORD.pack_into(self._map, 16, place)

    def set_reset_seq(self, seq: Seq) -> None:
        """Note that records up to ``seq`` came from messages of an earlier numbering."""
        self.reset_seq = seq
        _WORD.pack_into(self._map, 48, seq)

    def begin_again(self, stored: Place, life: tuple[int, int]) -> None:
        """Go back to what was surely seen, because the store was emptied; all that was sent becomes a repeat."""
        self.repeated = max(self.repeated, self.sent, stored)
        _WORD.pack_into(self._map, 24, self.repeated)
        self.set_sent(self.seen)
        self.set_life(life)
        self._map.flush()

    def set_life(self, life: tuple[int, int]) -> None:
        """Note which life of the store the places speak of."""
        self.life = life
        _LIFE.pack_into(self._map, 32, *life)

    def close(self) -> None:
        """Unmap the file."""
        self._map.close()
