"""The cards, one a vendor: data and nothing else."""
