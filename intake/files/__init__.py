"""Readers of files of people."""
