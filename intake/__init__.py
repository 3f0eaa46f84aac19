"""What all ways in for people and systems share."""
