"""Everything we know about vendors, and the one way anything is sent to them."""
