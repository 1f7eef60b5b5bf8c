"""Draw every layout with its offsets: ``python -m engine.api.messages``; after ``source NAME``, show one's codec."""

from __future__ import annotations

import sys

from engine.api.messages.codec import source
from engine.api.messages.declare import COMMANDS, EVENTS
from engine.api.messages.layout import Layout
from engine.api.wire import layouts


def main(arguments: list[str]) -> int:
    """Print the layouts, or the source written from the layout of one."""
    every = [table[number].layout for table in (COMMANDS, EVENTS) for number in sorted(table)]
    assert [str(layout) for layout in every] == layouts()
    if arguments:
        print(*(source(layout) for layout in every if layout.name == arguments[-1]), sep="\n")
    else:
        print(*map(drawn, every), sep="\n\n")
    return 0


def drawn(layout: Layout) -> str:
    """Draw a layout: one line for each of its fields, with the offset at which it stands."""
    lines = [f"{'event' if layout.is_event else 'command'} {layout.number} {layout.name}"]
    at = layout.head_bytes
    for field in layout.fixed:
        lines.append(f"    {at:3} {field}")
        at += field.size
    for field in layout.terms:
        lines.append(f"    {at:3} {field}, if terms follow")
        at += field.size
    lines += [f"    ... {field.name}" for field in layout.fixed if field.kind == "text"]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
