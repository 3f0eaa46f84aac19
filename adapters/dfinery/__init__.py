"""The parts of Dfinery's adapter."""
