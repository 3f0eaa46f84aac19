"""The routes of our own API, a module for each concern."""
