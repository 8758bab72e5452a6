"""The task queue of a function: its rates, its retries, and who adds tasks to it.

Defaults are those of the Firebase CLI (15.34, `gcp/cloudtasks`), which differ from Cloud Tasks' own: 3
attempts instead of 100. The limits are those of the Cloud Tasks API (`RateLimits`, `RetryConfig`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from checkout.endpoints import TaskQueueTrigger
from checkout.function_options import Options
from settings.parsing import mapping

KEYS = ("rateLimits", "retryConfig", "invoker")
RATES = ("maxConcurrentDispatches", "maxDispatchesPerSecond")
RETRIES = ("maxAttempts", "maxRetrySeconds", "minBackoffSeconds", "maxBackoffSeconds", "maxDoublings")
# Cloud Tasks API, `Queue.name`: letters, digits and hyphens. A function may have `_`, too.
_QUEUE = re.compile(r"[A-Za-z0-9-]{1,100}")
_LONGEST = 2**31 - 1  # seconds; the API's durations are longer
_MIN_BACKOFF, _MAX_BACKOFF = 0.1, 3600.0  # seconds


def read(
    name: str, body: Mapping[str, object], options: Options, add: Callable[[str, str], None]
) -> TaskQueueTrigger:
    """The trigger with every default filled in.

    Args:
        name: the function, which is also the name of its queue.
        body: `taskQueueTrigger` of the manifest.
        options: evaluates expressions.
        add: takes a problem and its fix.
    """
    if not _QUEUE.fullmatch(name):
        what = f"{name}: its task queue would have its name, which has letters, digits and hyphens only."
        add(what, f"Rename the export {name}.")
    rates, retries = (mapping(body.get(key)) or {} for key in ("rateLimits", "retryConfig"))
    dispatches = options.integer(
        rates.get("maxConcurrentDispatches"), "rateLimits.maxConcurrentDispatches", 1, 5000
    )
    per_second = options.number(
        rates.get("maxDispatchesPerSecond"), "rateLimits.maxDispatchesPerSecond", 0.01, 500
    )
    attempts = options.integer(retries.get("maxAttempts"), "retryConfig.maxAttempts", -1, _LONGEST)
    if attempts == 0:
        add(
            f"{name}: retryConfig.maxAttempts is 0, which Cloud Tasks does not accept.",
            f"Write 1 for one attempt, or -1 for attempts without end, in {name}.",
        )
    doublings = options.integer(retries.get("maxDoublings"), "retryConfig.maxDoublings", 0, _LONGEST)
    least, most, longest = (
        options.number(retries.get(key), f"retryConfig.{key}", 0, _LONGEST)
        for key in ("minBackoffSeconds", "maxBackoffSeconds", "maxRetrySeconds")
    )
    least = _MIN_BACKOFF if least is None else least
    most = _MAX_BACKOFF if most is None else most
    if least > most:
        what = f"{name}: retryConfig.minBackoffSeconds {least:g} is more than maxBackoffSeconds {most:g}."
        add(what, "Raise maxBackoffSeconds or lower minBackoffSeconds.")
    return TaskQueueTrigger(
        invoker=options.invoker(body.get("invoker")),
        max_concurrent_dispatches=1000 if dispatches is None else dispatches,
        max_dispatches_per_second=500 if per_second is None else per_second,
        max_attempts=3 if attempts is None else attempts,
        min_backoff_seconds=least,
        max_backoff_seconds=most,
        max_retry_seconds=0 if longest is None else longest,
        max_doublings=16 if doublings is None else doublings,
    )
