"""The second book: what every record of the log means to the books. Pure: no clock, no I/O.

Clearing reads the log with code of its own and shares none with ``engine.standing``, on purpose: a mistake in one
fold would otherwise be in both books, and reconciliation would find them equal. What both share is the language.

::

    state          what is known           positions      of perpetuals
    pricing        what a trade costs      matches        trades
    orders         reservations            money          deposits, transfers, loans, debts
    ledger         which event goes where  registrations  assets, firms, accounts, instruments
    entries        what comes out
"""

from clearing.ledger.ledger import Ledger
from clearing.ledger.state import Books

__all__ = ["Books", "Ledger"]
