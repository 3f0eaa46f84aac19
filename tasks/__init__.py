"""The steps of a request's life: plain functions, called by Celery tasks."""
