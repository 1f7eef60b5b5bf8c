"""The gateways: FIX sessions on one side, the engine's commands and records on the other.

A message's way in: ``application`` (QuickFIX's callbacks) - ``desk`` - the role - ``inbound`` - the engine.
A report's way out: the log - ``desk`` - ``reporting`` - the role - ``outbound`` - ``outlet`` - QuickFIX's store.

See :mod:`fixgw.process`.
"""
