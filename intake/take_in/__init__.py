"""The process that takes in what Celery producers push to `consent.submit`. It is separate, so that a flood delays no
delivery."""
