"""What a server counts, for Prometheus: requests by route and status, how long they took, and gauges."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from prometheus_client import CONTENT_TYPE_LATEST as CONTENT_TYPE
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["CONTENT_TYPE", "Counts"]


class Counts:
    """The counts of one server, in a registry of their own."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        labels = ("method", "route", "status")
        self._requests = Counter("articleqa_requests", "Requests answered.", labels, registry=self._registry)
        self._seconds = Histogram("articleqa_request_seconds", "Time to answer.", ("route",), registry=self._registry)

    def gauge(self, name: str, meaning: str, value: Callable[[], float]) -> None:
        """Count what `value()` says whenever the counts are asked for."""
        Gauge(name, meaning, registry=self._registry).set_function(value)

    def text(self) -> bytes:
        """All counts in the format of Prometheus, which is of `CONTENT_TYPE`."""
        return generate_latest(self._registry)

    def counted(self, app: ASGIApp) -> ASGIApp:
        """The app, with its replies counted by route; what belongs to the page counts as "other"."""

        async def counting(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http":
                await app(scope, receive, send)
                return
            begun = time.perf_counter()

            async def noting(message: Message) -> None:
                if message["type"] == "http.response.start":
                    route = getattr(scope.get("route"), "path", "other")
                    method = "other" if route == "other" else scope["method"]
                    self._requests.labels(method, route, message["status"]).inc()
                    self._seconds.labels(route).observe(time.perf_counter() - begun)
                await send(message)

            await app(scope, receive, noting)

        return counting
