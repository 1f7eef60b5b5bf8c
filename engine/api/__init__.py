"""The engine's published language: all that any other package may import of the engine.

Read one file of :mod:`engine.api.messages` first: each command, what it causes, and their bytes. All of them are
listed in :mod:`engine.api.commands` and :mod:`engine.api.events`; :mod:`engine.api.wire` draws frames and records.
"""
