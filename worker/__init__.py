"""The parts of a worker process."""
