"""The routes of the pages, a file a subject; each has a `router`. The pages themselves come last: they match all."""

from trus.app.exports import routes as exports
from trus.app.routes import entrance, frames, models, pages, session, studies

ROUTERS = (
    *(entrance.router, session.router, models.router, studies.router, frames.router, exports.router),
    pages.router,
)
