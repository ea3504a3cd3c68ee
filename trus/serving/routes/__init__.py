"""The routes of the web API, a file a subject; each has a `router`."""

from trus.serving.routes import health, models

ROUTERS = (health.router, models.router)
