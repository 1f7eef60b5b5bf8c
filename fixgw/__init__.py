"""The FIX gateway: QuickFIX sessions in front, the engine's log behind.

One process for each role. Order entry turns messages into commands and the log's records into reports; drop copy
turns the same records into the same reports for the firm's other sessions.
"""
