"""What people ask of the record, and what they do about it."""
