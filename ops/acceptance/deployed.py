"""What was deployed when a test ran: a result is about that deployment and no other."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from hashlib import sha256

from components.verification_spec import Spec

_LENGTH = 16  # hexadecimal digits of a part: enough to tell deployments of one stack apart


def digest(spec: Spec) -> str:
    """A digest of everything whose change makes an acceptance void, one word for each part.

    Args:
        spec: what the last `pulumi up` verified (`ops.stack.verification`).

    Example:
        "backend:0f3a9c… functions:77b1e2… indexes:… rules:… secrets:…"
    """
    parts: Mapping[str, object] = {
        "backend": spec.deployment,
        "functions": sorted((one.region, one.id, one.source, one.digest) for one in spec.functions),
        "indexes": sorted(spec.indexes),
        "rules": [spec.ruleset, spec.rules_digest],
        "secrets": asdict(spec)["secrets"],
    }
    return " ".join(f"{name}:{_short(part)}" for name, part in parts.items())


def changes(tested: str, now: str) -> list[str]:
    """The parts that differ between two digests, such as `["backend", "rules"]`.

    Args:
        tested: the digest of what was tested. Every part differs from one in another form.
        now: that of what is deployed.
    """
    before = set(tested.split())
    return [part.partition(":")[0] for part in now.split() if part not in before]


def _short(part: object) -> str:
    return sha256(json.dumps(part, sort_keys=True).encode()).hexdigest()[:_LENGTH]
