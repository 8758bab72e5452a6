"""Taking back the target port of a domain."""

from __future__ import annotations

from railway.read_back import Unkept

PORT_STAYS = (
    "declare the port again, or take it away in Railway's dashboard (the service, Settings, Networking); "
    "then run `pulumi up` again"
)
"""What to do about the port of a domain that Railway keeps."""


def port_left(port: int) -> Unkept:
    """The port of a domain, which was taken back."""
    return Unkept("target_port", port, None)
