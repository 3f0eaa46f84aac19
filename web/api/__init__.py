"""The routes of our own API, one module for each concern."""
