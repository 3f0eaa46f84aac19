"""`consent doctor`: the check-up, and what it finds at each of the places it looks at."""
