"""One module a vendor; they do not know each other."""
