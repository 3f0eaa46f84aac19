"""Accounts, login attempts, and the audit log."""
