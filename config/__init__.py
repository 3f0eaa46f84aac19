"""All settings, read at the edges and passed in."""
