"""Cloud Tasks: the tasks of a queue are sent to functions, at its rate, and repeated until they succeed.

A task is deleted when its request returned 2xx, or when the queue's retry policy ends it (Cloud Tasks docs,
"HTTP Target tasks"). A paused queue keeps its tasks. Tasks survive a restart of the sandbox.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from datetime import datetime
from typing import TYPE_CHECKING, cast

from sandbox.google.running.backoff import Backoff
from sandbox.google.running.jobs import RPC_OF_STATUS, seconds
from sandbox.google.running.targets import send
from sandbox.google.timestamps import timestamp

if TYPE_CHECKING:
    from sandbox.google.cloud import Cloud
    from sandbox.google.running.edge import Edge
    from sandbox.google.store import Json

PAUSE = 0.02  # seconds between two looks at the queues
NO_RESPONSE = (503, 504)  # of the front end: the function has not answered


def retries(queue: Json) -> Backoff:
    """Return a queue's retry policy; -1 attempts are unlimited."""
    config = cast("Json", queue["retryConfig"])
    attempts = int(config.get("maxAttempts", 100))
    duration = seconds(config.get("maxRetryDuration", "0s"))
    return Backoff(
        attempts=attempts if attempts > 0 else None,
        duration=duration or None,
        least=seconds(config["minBackoff"]),
        most=seconds(config["maxBackoff"]),
        doublings=int(config["maxDoublings"]),
    )


def when(task: Json) -> float:
    """Return the time at which a task is due, as Unix time."""
    return datetime.fromisoformat(cast("str", task["scheduleTime"])).timestamp()


class Dispatcher:
    """Sends due tasks.

    Args:
        cloud: queues and tasks.
        edge: passes the requests on.
    """

    def __init__(self, cloud: Cloud, edge: Edge) -> None:
        self._cloud = cloud
        self._edge = edge
        self._sent: dict[str, asyncio.Task[None]] = {}
        self._next: defaultdict[str, float] = defaultdict(float)

    async def run(self) -> None:
        """Send tasks until it is cancelled."""
        try:
            while True:
                for table in self._cloud.store.collections("cloudtasks/"):
                    if table.endswith("/tasks"):
                        self._dispatch(table)
                await asyncio.sleep(PAUSE)
        finally:
            for task in self._sent.values():
                task.cancel()

    def force(self, name: str) -> None:
        """Send a task now, whatever its time and its queue's state: `tasks:run`."""
        if name not in self._sent:
            self._begin(name)

    def _dispatch(self, table: str) -> None:
        queue_name = table.removeprefix("cloudtasks/").removesuffix("/tasks")
        parent, _, key = queue_name.rpartition("/")
        queue = cast("Json | None", self._cloud.store.get(f"cloudtasks/{parent}", key))
        if queue is None or queue.get("state") != "RUNNING":
            return
        rates = cast("Json", queue["rateLimits"])
        for _, task in self._cloud.store.items(table):
            if task["name"] in self._sent or when(task) > time.time():
                continue
            running = sum(1 for name in self._sent if name.startswith(f"{queue_name}/"))
            now = time.monotonic()
            if running >= int(rates["maxConcurrentDispatches"]) or now < self._next[queue_name]:
                return
            self._next[queue_name] = now + 1 / float(rates["maxDispatchesPerSecond"])
            self._begin(task["name"])

    def _begin(self, name: str) -> None:
        sending = asyncio.get_running_loop().create_task(self._send(name))
        self._sent[name] = sending
        sending.add_done_callback(lambda _: self._sent.pop(name, None))

    async def _send(self, name: str) -> None:
        where, _, key = name.rpartition("/")
        table = f"cloudtasks/{where}"
        task = cast("Json | None", self._cloud.store.get(table, key))
        queue_parent, _, queue_id = where.removesuffix("/tasks").rpartition("/")
        queue = cast("Json | None", self._cloud.store.get(f"cloudtasks/{queue_parent}", queue_id))
        if task is None or queue is None:
            return
        tried, responses = int(task.get("dispatchCount", 0)), int(task.get("responseCount", 0))
        at = timestamp()
        added = {
            "user-agent": "Google-Cloud-Tasks",
            "x-cloudtasks-queuename": queue_id,
            "x-cloudtasks-taskname": key,
            "x-cloudtasks-taskretrycount": str(tried),
            "x-cloudtasks-taskexecutioncount": str(responses),
            "x-cloudtasks-tasketa": f"{when(task):.6f}",
        }
        if "lastAttempt" in task:
            message = cast("str", task["lastAttempt"]["responseStatus"]["message"])
            added["x-cloudtasks-taskpreviousresponse"] = message.rpartition(" ")[2]
        request = cast("Json", task["httpRequest"])
        reply = await send(self._cloud, self._edge, request, request["url"], added)
        now = cast("Json | None", self._cloud.store.get(table, key))
        if now is None:
            return  # it was deleted meanwhile
        failed_at = timestamp()
        attempt = {"scheduleTime": task["scheduleTime"], "dispatchTime": at, "responseTime": failed_at}
        first = cast("Json", now.get("firstAttempt") or {"dispatchTime": at})
        policy, scale = retries(queue), self._cloud.switches.run_wait_scale
        wait = policy.wait(tried + 1) * scale
        age = datetime.fromisoformat(failed_at) - datetime.fromisoformat(cast("str", first["dispatchTime"]))
        if reply.status < 300 or _ends(policy, tried + 1, age.total_seconds() + wait, scale):
            self._cloud.store.remove(table, key)
        else:
            code, message = RPC_OF_STATUS.get(reply.status, 13), f"HTTP status code {reply.status}"
            changed: Json = {
                "dispatchCount": tried + 1,
                "responseCount": responses + (reply.status not in NO_RESPONSE),
                "firstAttempt": first,
                "lastAttempt": {**attempt, "responseStatus": {"code": code, "message": message}},
                "scheduleTime": timestamp(time.time() + wait),
            }
            self._cloud.store.put(table, key, {**now, **changed})
        self._cloud.commit()


def _ends(policy: Backoff, attempts: int, age: float, scale: float) -> bool:
    """Return whether a task is given up: with both limits set, when both are reached."""
    tried_enough = policy.attempts is None or attempts >= policy.attempts
    old_enough = policy.duration is None or age > policy.duration * scale
    return tried_enough and old_enough and (policy.attempts is not None or policy.duration is not None)
