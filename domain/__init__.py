"""What we mean by a request, a person, an outcome and a retry: pure values and rules, no input or output."""
