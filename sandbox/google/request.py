"""One request as its handler gets it: routed to a method of a discovery document and validated."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from sandbox.google.errors import invalid

if TYPE_CHECKING:
    from starlette.datastructures import Headers
    from starlette.responses import Response

    from sandbox.google.cloud import Cloud
    from sandbox.google.discovery import Api, Method
    from sandbox.google.store import Json, Store

Handler = Callable[["ApiRequest"], "Json | Response | Awaitable[Json | Response]"]


@dataclass(kw_only=True)
class ApiRequest:
    """One request to an API method.

    Args:
        params: path parameters, with project ids in place of project numbers.
        query: typed query parameters by camelCase name.
        body: the validated body; {} if there was none.
        project: the project's id, "" if the path names none.
        raw: the body's bytes.
    """

    cloud: Cloud
    api: Api
    method: Method
    params: dict[str, str]
    query: Json = field(default_factory=dict[str, Any])
    body: Json = field(default_factory=dict[str, Any])
    project: str = ""
    raw: bytes = b""
    headers: Headers | None = None
    base_url: str = ""

    @property
    def store(self) -> Store:
        """The cloud's store."""
        return self.cloud.store

    @property
    def name(self) -> str:
        """The first path parameter: the resource, or its parent."""
        return next(iter(self.params.values()), "")

    @property
    def location(self) -> str:
        """The location in the resource name, "" if none."""
        parts = self.name.split("/")
        return parts[3] if len(parts) > 3 and parts[2] == "locations" else ""

    @property
    def resource_id(self) -> str:
        """The last segment of the resource name."""
        return self.name.rpartition("/")[2]

    def collection(self, parent: str, collection: str) -> str:
        """Return the store's collection for resources below a parent."""
        return f"{self.api.product.api}/{parent}/{collection}"

    def store_key(self) -> tuple[str, str]:
        """Return the store's (collection, id) of the resource that the path names."""
        parent, _, key = self.name.rpartition("/")
        return f"{self.api.product.api}/{parent}", key

    def required_query(self, name: str) -> str:
        """Return a required query parameter.

        Raises:
            ApiError: INVALID_ARGUMENT if it is missing.
        """
        value = cast("str", self.query.get(name, ""))
        if not value:
            raise invalid(f"Required parameter {name} is missing", name)
        return value
