"""What the adapter of Akinon is made of."""
