"""The published language, a file by subject: a command, the events it causes, and their bytes side by side.

:mod:`~engine.api.messages.layout` says how a declaration is read. All commands together are
:mod:`engine.api.commands`, all events :mod:`engine.api.events`.
"""
