"""Who may come in, what they tried, and the audit log."""
