"""Roles, passwords, tokens and rate limits, for every way in."""
