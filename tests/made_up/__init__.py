"""Small made-up vendors, each with one thing that the contract must be able to express."""
