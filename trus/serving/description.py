"""The OpenAPI document."""

from typing import Any

from fastapi import FastAPI

from trus.inference.metadata import STATEMENT
from trus.serving.guards.access import OPEN
from trus.serving.problems import ProblemDocument

TAGS = {
    "segmentation": "Frames in, masks out.",
    "jobs": "Clips and batches, with progress.",
    "models": "What is served.",
    "health": "For probes and Prometheus.",
    "open inference": "The Open Inference Protocol v2, for tools that speak it.",
}
DESCRIPTION = f"""{STATEMENT}

Errors are problem documents (RFC 9457). Every answer has the header X-Request-Id, under which the service's log knows
it. No frame, file name or tag is kept or logged."""


class DescribedApp(FastAPI):
    """FastAPI whose document names the token, the problem documents and the tags. `asks_token`: tokens are checked."""

    def __init__(self, *, asks_token: bool, **settings: Any):
        tags = [{"name": name, "description": text} for name, text in TAGS.items()]
        super().__init__(description=DESCRIPTION, openapi_tags=tags, **settings)
        self._asks_token = asks_token

    def openapi(self) -> dict[str, Any]:
        """The document; made once."""
        if self.openapi_schema is None:
            document = super().openapi()
            components = document.setdefault("components", {})
            components.setdefault("schemas", {})["ProblemDocument"] = ProblemDocument.model_json_schema()
            if self._asks_token:
                components["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
                document["security"] = [{"token": []}]
                _open_probes(document)
        assert self.openapi_schema is not None
        return self.openapi_schema


def _open_probes(document: dict[str, Any]) -> None:
    for path in set(OPEN) & set(document["paths"]):
        document["paths"][path]["get"]["security"] = []
