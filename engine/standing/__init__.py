"""The one fold of the log, which all followers share: ``load`` it, then feed it what comes.

Only clearing folds the log by itself, on purpose: it is the second book, and may not import this.
"""

from engine.standing.accounts import Account, Accounts
from engine.standing.markets import Market, Markets
from engine.standing.orders import Order, Orders
from engine.standing.standing import Standing, load, load_registrations, load_registry

__all__ = [
    "Account",
    "Accounts",
    "Market",
    "Markets",
    "Order",
    "Orders",
    "Standing",
    "load",
    "load_registrations",
    "load_registry",
]
