"""The expansion: compact records of the log become the events of the taxonomy, by a pure function (RES-46)."""

from taxonomy.envelope import Envelope, Metadata, canonical_json, envelope_id
from taxonomy.errors import ExpansionError
from taxonomy.expander import EVENT_TYPES, Expander

__all__ = ["EVENT_TYPES", "Envelope", "Expander", "ExpansionError", "Metadata", "canonical_json", "envelope_id"]
