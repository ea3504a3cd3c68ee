"""The routes of the web API, a file a subject; each has a `router`."""

from trus.serving.routes import health, jobs, models, open_inference, segment

ROUTERS = (segment.router, health.router, models.router, jobs.router, open_inference.router)
"""In the order in which they are asked: what is called most comes first."""
