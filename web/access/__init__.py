"""Authentication and authorisation over HTTP."""
