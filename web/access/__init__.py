"""Who is asking over HTTP, and whether they may."""
