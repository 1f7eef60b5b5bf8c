"""The dialect of FIX 4.4 spoken here: its dictionary file, and the tags of messages the gateway writes itself."""

from __future__ import annotations

from pathlib import Path

DICTIONARY = Path(__file__).resolve().parent.parent / "spec" / "FIX44.xml"

SOH = "\x01"

TEXT = 58
MSG_TYPE = 35
MSG_SEQ_NUM = 34
ENCRYPT_METHOD = 98
HEART_BT_INT = 108
RESET_SEQ_NUM_FLAG = 141
USERNAME = 553
PASSWORD = 554
NEXT_EXPECTED_MSG_SEQ_NUM = 789
SESSION_REJECT_REASON = 373
LAST_MSG_SEQ_NUM_PROCESSED = 369
ERROR_CODE = 20016

INVALID_TAG_NUMBER, UNDEFINED_TAG = "0", "3"
"""SessionRejectReason <373>: QuickFIX says the first of a tag that is not in the dictionary; we say the second."""
