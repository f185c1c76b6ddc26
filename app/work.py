"""Work for a few threads behind a short queue: what is let in gets done, and the rest is told so at once."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")

_MOST_CLIENTS = 10_000


class BusyError(Exception):
    """There is no room, or no time left; `retry_after` is in seconds."""

    def __init__(self, message: str, *, retry_after: int = 1) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class LeftError(Exception):
    """Whoever asked has left before the work began."""


class Work:
    """Runs blocking functions in `at_once` threads; `waiting` more may wait their turn, first come, first served."""

    def __init__(self, *, at_once: int, waiting: int) -> None:
        self.at_once, self.waiting = at_once, waiting
        self._pool = ThreadPoolExecutor(at_once, thread_name_prefix="work")
        self._free = asyncio.Semaphore(at_once)
        self._queued = 0
        self.closing = False

    @property
    def queued(self) -> int:
        """How many wait their turn now."""
        return self._queued

    async def run(self, function: Callable[[], T], *, seconds: float, gone: Callable[[], Awaitable[object]]) -> T:
        """What the function returns.

        Raises `BusyError` at once when the queue is full, and when its turn does not come within `seconds`; raises
        `LeftError` when `gone()` returns before its turn. A function that has begun is let finish.
        """
        if self.closing or (self._free.locked() and self._queued >= self.waiting):
            raise BusyError("too many questions at once; ask again in a moment")
        self._queued += 1
        try:
            await self._turn(seconds, gone)
        finally:
            self._queued -= 1
        doing = asyncio.get_running_loop().run_in_executor(self._pool, function)
        doing.add_done_callback(lambda _: self._free.release())
        return await asyncio.shield(doing)

    async def _turn(self, seconds: float, gone: Callable[[], Awaitable[object]]) -> None:
        if not self._free.locked():
            await self._free.acquire()
            return
        turn, left = asyncio.ensure_future(self._free.acquire()), asyncio.ensure_future(gone())
        try:
            await asyncio.wait({turn, left}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            left.cancel()
            if not turn.done():
                turn.cancel()
            elif left.done() and not left.cancelled():
                self._free.release()
        if left.done() and not left.cancelled():
            raise LeftError
        if not turn.done() or turn.cancelled():
            raise BusyError("the question waited too long; ask again in a moment")


class Buckets:
    """A token bucket for each client: `burst` requests at once, then `per_minute` of them."""

    def __init__(self, per_minute: float, *, burst: int = 20, clock: Callable[[], float] = time.monotonic) -> None:
        self.per_second, self.burst, self._clock = per_minute / 60, burst, clock
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, client: str) -> float:
        """0 when the client may go on, else the seconds it has to wait. The longest unseen clients are forgotten."""
        now = self._clock()
        left, then = self._left.pop(client, (float(self.burst), now))
        left = min(self.burst, left + (now - then) * self.per_second)
        wait = 0.0 if left >= 1 else (1 - left) / self.per_second
        self._left[client] = (left if wait else left - 1, now)
        if len(self._left) > _MOST_CLIENTS:
            self._left.popitem(last=False)
        return wait
