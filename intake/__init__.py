"""Every way in for people and systems."""
