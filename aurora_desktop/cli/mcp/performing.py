"""Asks the running Aurora for one tool's call, tells how far it is, and takes back what was given up."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Any, Protocol, TypeVar
from urllib.parse import quote

import anyio
from anyio.to_thread import run_sync

from aurora_desktop.cli.client import Client, RefusedError
from aurora_desktop.core.errors import AuroraError
from aurora_desktop.input.request import new_task_id

POLL_S = 5.0
TELL_EVERY_S = 1.0
_OVER = ("completed", "failed")
_TASK_GOES_ON = ("queued", "leased", "running", "waiting_approval")

Json = dict[str, Any]
T = TypeVar("T")


class Progress(Protocol):
    """Tells the client; does nothing where it did not ask to be told."""

    async def __call__(self, progress: float, total: float | None = None, message: str | None = None) -> None: ...


class Asking:
    """One call of a tool. `agent`: the client's name, as the operator reads it. All of these raise AuroraError."""

    def __init__(self, client: Client, agent: str, progress: Progress) -> None:
        self._client, self.agent, self._progress = client, agent, progress

    async def get(self, path: str, scope: str = "read", wait_s: float = 0.0, **query: object) -> Any:
        return await self._in_thread(partial(self._client.get, path, scope=scope, wait_s=wait_s, **query))

    async def post(self, path: str, body: Json, scope: str = "operate", wait_s: float = 0.0) -> Any:
        return await self._in_thread(partial(self._client.post, path, body, scope=scope, wait_s=wait_s))

    async def picture(self, picture_id: str) -> bytes:
        """The PNG that an action made."""
        return await self._in_thread(partial(self._client.picture, f"/v1/input/pictures/{quote(picture_id, safe='')}"))

    async def act(self, action: Json) -> Json:
        """The input task at its end. Given up, it is taken back: nothing goes on that nobody waits for."""
        task_id, is_over = new_task_id(), False  # known before it is submitted, so that it can be taken back at once
        address = f"/v1/input/task/{task_id}"
        try:
            body = {"action": action, "agent": self.agent, "task_id": task_id}
            task: Json = await self.post("/v1/input/submit", body, scope="input")
            async with self.telling(lambda: str(task["sentence"] or task["action"])):
                while task["status"] not in _OVER:
                    task = await self.get(address, scope="input", wait_s=POLL_S)
            is_over = True
        except RefusedError:
            is_over = True
            raise
        finally:
            if not is_over:
                await self._take_back(address)
        return task

    async def task(self, task_id: str, wait_s: float) -> Json:
        """A task of an agent, once nothing will change by itself, or `wait_s` seconds later."""
        address, end = f"/v1/tasks/{quote(task_id, safe='')}", time.monotonic() + wait_s
        detail: Json = await self.get(address)
        async with self.telling(lambda: _standing(detail["view"]), wait_s or None):
            while detail["view"]["status"] in _TASK_GOES_ON and (left_s := end - time.monotonic()) > 0:
                detail = await self.get(address, wait_s=min(left_s, POLL_S), **{"while": detail["view"]["status"]})
        return detail

    @contextlib.asynccontextmanager
    async def telling(self, words: Callable[[], str], total_s: float | None = None) -> AsyncIterator[None]:
        """While inside, the client is told each second how long it takes, and what is being done."""
        began = time.monotonic()

        async def tell() -> None:
            with contextlib.suppress(anyio.BrokenResourceError, anyio.ClosedResourceError):  # the client has left
                while True:
                    await self._progress(round(time.monotonic() - began, 1), total_s, words())
                    await asyncio.sleep(TELL_EVERY_S)

        telling = asyncio.create_task(tell())
        try:
            yield
        finally:
            telling.cancel()

    async def _in_thread(self, call: Callable[[], T]) -> T:
        """Given up, the request is broken off, and Aurora withdraws what it asks of the operator."""
        try:
            return await run_sync(call, abandon_on_cancel=True)
        except anyio.get_cancelled_exc_class():
            self._client.abandon()
            raise

    async def _take_back(self, address: str) -> None:
        with anyio.CancelScope(shield=True), contextlib.suppress(AuroraError):
            await self.post(f"{address}/cancel", {}, scope="input")


def _standing(view: Json) -> str:
    """`running: Bash`."""
    activity = view["activity"] or {}
    doing = activity.get("detail") or activity.get("kind") or view["held"] or view["cause"]
    return f"{view['status']}: {doing}" if doing else str(view["status"])
