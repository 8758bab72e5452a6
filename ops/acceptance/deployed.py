"""What was deployed when a test ran: a result is about that deployment and no other."""

from __future__ import annotations

import json
from dataclasses import asdict
from hashlib import sha256

from components.verification_spec import Spec


def digest(spec: Spec) -> str:
    """A digest of everything whose change makes an acceptance void: backend, functions, rules, indexes,
    secrets.

    Args:
        spec: what the last `pulumi up` verified (`ops.stack.verification`).
    """
    parts = {
        "deployment": spec.deployment,
        "functions": sorted((one.region, one.id, one.source, one.digest) for one in spec.functions),
        "ruleset": spec.ruleset,
        "rules": spec.rules_digest,
        "indexes": sorted(spec.indexes),
        "secrets": asdict(spec)["secrets"],
    }
    return sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
