"""What is counted, for Prometheus. Labels are route templates, model names and our own words, never a request's."""

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Metrics:
    """The counters of one service, in a registry of its own."""

    def __init__(self) -> None:
        disable_created_metrics()  # a second series for each, which says when it was first counted
        registry = self.registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        self.requests = Counter("trus_requests", "Requests answered", ["route", "method", "status"], registry=registry)
        self.latency = Histogram(
            "trus_request_seconds",
            "From the header to the answer",
            ["route"],
            buckets=SECONDS,
            registry=registry,
        )
        self.rejections = Counter("trus_rejections", "Requests refused, by why", ["reason"], registry=registry)
        self.frames = Counter("trus_frames_segmented", "Frames segmented", ["model"], registry=registry)
        self.inference = Histogram(
            "trus_inference_seconds", "In work at a model", ["model"], buckets=SECONDS, registry=registry
        )
        self.queue = Gauge("trus_queue_depth", "In work or waiting at a model", ["model"], registry=registry)
        self.memory = Gauge("trus_held_bytes", "Held of requests: uploads, results of jobs", registry=registry)
        self.in_flight = Gauge("trus_requests_in_flight", "Requests begun and not yet answered", registry=registry)

    def text(self) -> bytes:
        """All of it in Prometheus' text format."""
        return generate_latest(self.registry)
