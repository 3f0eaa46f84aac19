"""The parts of B2CORE's adapter."""
