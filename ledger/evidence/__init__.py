"""The log in the ledger, the trees of outcomes, and whether the rows still are what was logged."""
