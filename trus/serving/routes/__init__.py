"""The routes of the web API, a file a subject; each has a `router`."""

from trus.serving.routes import health, models, open_inference

ROUTERS = (health.router, models.router, open_inference.router)
