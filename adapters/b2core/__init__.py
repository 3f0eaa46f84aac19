"""What the adapter of B2CORE is made of."""
