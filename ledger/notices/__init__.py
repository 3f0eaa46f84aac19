"""Who is told of changes of status, and what they have yet to be told."""
