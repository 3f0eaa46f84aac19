"""The steps of a request's life: plain functions, and the Celery tasks that call them."""
