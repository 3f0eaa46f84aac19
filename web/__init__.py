"""Everything over HTTP: the server, the frame around every request, and the routes."""
