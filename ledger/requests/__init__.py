"""Requests: recorded whole or not at all, found again, closed."""
