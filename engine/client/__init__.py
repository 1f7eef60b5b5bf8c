"""How other processes reach the engine: follow its log, submit commands, ask it questions, read its journal.

``connection`` is the link, ``follow``, ``submit`` and ``ask`` are its three roles, ``journal`` reads the files.
"""

from engine.client.ask import ask
from engine.client.follow import Follower
from engine.client.journal import JournalFiles, read_journal
from engine.client.submit import CommandLink, Overloaded, submit_and_wait, submit_frame

__all__ = [
    "CommandLink",
    "Follower",
    "JournalFiles",
    "Overloaded",
    "ask",
    "read_journal",
    "submit_and_wait",
    "submit_frame",
]
