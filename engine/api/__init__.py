"""The engine's published language: all that any other package may import of the engine.

Read :mod:`engine.api.commands` and :mod:`engine.api.events` first; :mod:`engine.api.wire` draws their bytes.
"""
