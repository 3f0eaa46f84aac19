"""Vendors that nobody has, each small, each with one thing that the contract must be able to express."""
