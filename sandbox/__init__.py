"""The five vendors on loopback, written from their own pages and from nothing of ours."""
