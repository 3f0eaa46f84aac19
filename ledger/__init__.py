"""The record of every request, person, chunk and outcome in PostgreSQL: the only SQL of the project."""
