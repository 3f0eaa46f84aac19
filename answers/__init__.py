"""What is told to people outside: the answer to a request, in their language, and the report."""
