"""What can be set from outside, read at the edges and passed in."""
