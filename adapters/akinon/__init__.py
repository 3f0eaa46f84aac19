"""The parts of Akinon's adapter."""
