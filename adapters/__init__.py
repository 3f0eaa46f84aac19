"""Everything we know about vendors, and the one module that sends to them."""
