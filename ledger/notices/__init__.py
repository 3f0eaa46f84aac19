"""Receivers of changes of status, and the notices that they have not got yet."""
