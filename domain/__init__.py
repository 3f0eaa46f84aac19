"""Pure values and rules: requests, people, outcomes, retries. No input, no output."""
