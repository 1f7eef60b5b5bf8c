"""The exchange's single writer: it orders, journals and matches every command."""
