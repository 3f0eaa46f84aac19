"""Proofs that others can check without us: trees, signed notes, envelopes, certificates. No input, no output."""
