"""I/O around the core: sockets, disk and clock, and no trading rule.

Read :mod:`engine.host.loop` first: its duty cycle is the engine.
"""
