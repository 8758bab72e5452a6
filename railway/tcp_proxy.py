"""A public TCP port of a service. It is open after the next deployment, for which it has a `revision`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pulumi

from railway import revision
from railway.args import Props, ServiceScopeArgs
from railway.fields import column, fields_of, number
from railway.graphql.models import TcpProxyView
from railway.provider import RailwayProvider, RailwayResource
from railway.validation import port
from railway.waiting import create_once


@dataclass(frozen=True, kw_only=True)
class TcpProxyArgs(ServiceScopeArgs):
    """Inputs of a TCP proxy.

    Args:
        application_port: the port on which the service listens.
    """

    application_port: pulumi.Input[int] = field(metadata=column(normal=number, replace=True, rules=(port,)))


class TcpProxyProvider(RailwayProvider):
    """Provider of `TcpProxy`."""

    FIELDS = fields_of(TcpProxyArgs)
    REVISED = True

    def create_object(self, props: Props) -> tuple[str, dict[str, Any]]:
        """Find the proxy of the port, or create it."""
        cache = self.environment(props)
        environment_id, service_id = props["environment_id"], props["service_id"]

        def find() -> tuple[TcpProxyView, None] | None:
            found = self._find(props)
            return None if found is None else (found, None)

        with cache.lock:
            latest = cache.snapshot().existing_instance(service_id).latest
            # When an existing proxy was created is not known: without a time, a deployment follows.
            proxy, created = find() or create_once(
                self.clock,
                lambda: cache.api.create(
                    "TcpProxyCreate",
                    TcpProxyView.of,
                    environmentId=environment_id,
                    serviceId=service_id,
                    applicationPort=int(props["application_port"]),
                ),
                find,
                new_parent=True,
            )
            cache.invalidate()
        return proxy.id, _outs(proxy) | {"revision": revision.new(created, latest)}

    def find_object(self, props: Props) -> str | None:
        """The proxy of the port."""
        found = self._find(props)
        return found.id if found else None

    def _find(self, props: Props) -> TcpProxyView | None:
        proxies = self.railway.api.tcp_proxies(props["environment_id"], props["service_id"])
        port = int(props["application_port"])
        return next((one for one in proxies if one.application_port == port), None)

    def read_object(self, id_: str, props: Props) -> dict[str, Any] | None:
        """The live proxy."""
        if self.environment(props).snapshot().instance(props["service_id"]) is None:
            return None
        proxies = self.railway.api.tcp_proxies(props["environment_id"], props["service_id"])
        found = next((one for one in proxies if one.id == id_), None)
        return None if found is None else _outs(found) | {"application_port": found.application_port}

    def update_object(
        self, _id: str, _olds: Props, _news: Props, _changed: tuple[str, ...]
    ) -> dict[str, Any]:
        """Does nothing: every change replaces the proxy."""
        return {}

    def delete_object(self, id_: str, props: Props) -> None:
        """Delete the proxy."""
        self.environment(props).delete("TcpProxyDelete", id=id_)


class TcpProxy(RailwayResource[TcpProxyArgs], module="railway", name="TcpProxy"):
    """A public TCP port at `domain`:`proxy_port`; the id is Railway's.

    Example:
        railway.TcpProxy("postgres", railway.TcpProxyArgs(**ids, application_port=5432))
    """

    PROVIDER = TcpProxyProvider
    domain: pulumi.Output[str]
    proxy_port: pulumi.Output[int]
    revision: pulumi.Output[str]


def _outs(proxy: TcpProxyView) -> dict[str, Any]:
    return {"domain": proxy.domain, "proxy_port": proxy.proxy_port}
