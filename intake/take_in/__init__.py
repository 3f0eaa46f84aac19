"""The process that takes in what Celery producers push to `consent.submit`; a flood of it touches no delivery."""
