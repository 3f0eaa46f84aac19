"""The vendors' cards: data only."""
