"""The routes of OpenDSR, for consent managers."""
