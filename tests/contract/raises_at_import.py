"""A module of a plug-in that cannot be imported."""

raise RuntimeError("of two\nlines")
