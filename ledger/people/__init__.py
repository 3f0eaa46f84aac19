"""The people of a request: sealed, fingerprinted, and opened again."""
