"""The record of every request, person, chunk and outcome in PostgreSQL. All SQL of the project is here."""
