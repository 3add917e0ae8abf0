"""What Prometheus is told of a server and its feed."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from scaler_core.run.open_feed import OpenFeed

LATENCIES = (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 30)
_CALLS = ("draw", "verify", "record", "abandon", "checkpoint", "outstanding", "state")
_PATHS = frozenset(
    {
        "/",
        "/health",
        "/metrics",
        *(f"/v1/{name}" for name in _CALLS),
    }
)


class Figures:
    """Figures of the server and its feed, for Prometheus."""

    def __init__(self, feed: OpenFeed) -> None:
        self._feed = feed
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "scaler_requests", "Requests.", ("path", "status"), registry=self._registry
        )
        self._seconds = Histogram(
            "scaler_request_seconds",
            "Seconds to answer.",
            ("path",),
            buckets=LATENCIES,
            registry=self._registry,
        )
        self._steps = Gauge("scaler_steps", "Steps that have ended.", registry=self._registry)
        self._open = Gauge("scaler_open_tickets", "Tickets out.", registry=self._registry)
        self._last = Gauge(
            "scaler_step_figure", "Figures of the last step.", ("figure",), registry=self._registry
        )

    def answered(self, path: str, status: int, seconds: float) -> None:
        """A request was answered."""
        known = path if path in _PATHS else "other"
        self._requests.labels(known, str(status)).inc()
        self._seconds.labels(known).observe(seconds)

    def text(self, open_tickets: int) -> str:
        """All figures in the format of Prometheus."""
        self._steps.set(self._feed.step)
        self._open.set(open_tickets)
        self._last.clear()
        for name, value in self._feed.metrics.items():
            self._last.labels(name).set(value)
        return generate_latest(self._registry).decode()
