"""Documents and ID tokens for requests to the Firestore emulator."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Mapping
from typing import Any

from ops.acceptance.app import encoded


def encoded_fields(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return a document's `fields` in the format of Firestore's REST API."""
    return {name: encoded(value) for name, value in document.items()}


def id_token(project: str, uid: str, claims: Mapping[str, Any]) -> str:
    """Return an unsigned ID token, which the emulator accepts as that of a signed-in user."""
    now = int(time.time())
    payload = {
        **claims,
        "sub": uid,
        "user_id": uid,
        "iss": f"https://securetoken.google.com/{project}",
        "aud": project,
        "iat": now,
        "auth_time": now,
        "exp": now + 3600,
    }
    return "".join(
        base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() + "."
        for part in ({"alg": "none", "typ": "JWT"}, payload)
    )
