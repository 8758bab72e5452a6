"""Taking back the target port of a domain."""

from __future__ import annotations

from railway.read_back import Mismatch

PORT_STAYS = (
    "declare the port again, or take it away in Railway's dashboard (the service, Settings, Networking); "
    "then run `pulumi up` again"
)
"""What to do about the port of a domain that Railway keeps."""


def port_mismatch(port: int) -> Mismatch:
    """The port of a domain, which was taken back."""
    return Mismatch("target_port", port, None)
