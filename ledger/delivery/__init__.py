"""Deliveries on their way to vendors: chunks, outcomes, holds, and whose wish counts."""
