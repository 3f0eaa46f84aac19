"""What the adapter of Dfinery is made of."""
