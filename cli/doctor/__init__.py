"""`consent doctor`: the check-up, and its findings for each service."""
