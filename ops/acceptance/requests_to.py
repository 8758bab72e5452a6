"""HTTP requests to what a stack deployed: by its public address, or to a local server that answers for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import urlsplit

import requests

from ops.acceptance.model import CannotTellError, Failed
from ops.acceptance.world import Answer
from user_errors import printable

TIMEOUT_SECONDS = 75.0
"""A callable function may take 60 s."""


@dataclass(frozen=True)
class Site:
    """An https address of the stack.

    Args:
        address: such as `https://backend.up.railway.app`.
        edge: where requests are sent instead, with the address's host as Host; for a local server, whose
            domains do not resolve. "" for none.
    """

    address: str
    edge: str = ""

    def send(
        self,
        method: str,
        path: str = "",
        *,
        body: Mapping[str, Any] | None = None,
        token: str = "",
        timeout: float = TIMEOUT_SECONDS,
    ) -> Answer:
        """Send one request; redirects are not followed.

        Args:
            method: the HTTP method.
            path: what follows the address.
            body: sent as JSON.
            token: sent as `Authorization: Bearer`; "" for none.
            timeout: seconds for the response.

        Raises:
            CannotTellError: there was no connection.
            Failed: there was no response in time.
        """
        parts = urlsplit(self.address)
        url = f"{self.edge.rstrip('/')}{parts.path}{path}" if self.edge else f"{self.address}{path}"
        headers = {"Host": parts.netloc} if self.edge else {}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        try:
            response = requests.request(
                method,
                url,
                json=body,
                headers=headers,
                timeout=(10, timeout),
                allow_redirects=False,
                # With any `auth`, requests does not read a login for the host from ~/.netrc.
                auth=lambda request: request,
            )
        except requests.exceptions.ReadTimeout:
            raise Failed(
                f"{parts.netloc}{parts.path}{path} did not answer within {timeout:g} s",
                "Read its log for the reason, then run the command again.",
            ) from None
        except (requests.exceptions.RequestException, ValueError) as error:
            raise CannotTellError(
                f"no connection to {parts.netloc} ({type(error).__name__})",
                "Check the network and the proxy, then run the command again.",
            ) from None
        return Answer(status=response.status_code, body=_body(response))


def _body(response: requests.Response) -> Mapping[str, Any]:
    try:
        parsed: object = response.json()
    except requests.exceptions.JSONDecodeError:
        text = printable(response.text.strip()[:200])
        return {"error": {"message": text}} if text else {}
    return cast("Mapping[str, Any]", parsed) if isinstance(parsed, dict) else {}
