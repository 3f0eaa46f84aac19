"""The five vendors on loopback, written from their own pages and not from our code."""
