"""One module per vendor, each written from that vendor's page alone."""
