"""Everything over HTTP: the server, what surrounds every request, and the routes."""
