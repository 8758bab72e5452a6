"""A public TCP port of a service. Railway wants a deployment before it is open: `revision` asks for one.

Refuses to open a second one for the same port.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi import dynamic

from railway import revision
from railway.errors import NotFoundError
from railway.fields import Field, number, port
from railway.graphql.models import TcpProxyView
from railway.provider import Props, RailwayProvider, inputs_of, instance_of, is_deleted


@dataclass(frozen=True, kw_only=True)
class TcpProxyArgs:
    """Inputs of a public port.

    Args:
        project_id: the project.
        environment_id: the environment.
        service_id: the service.
        application_port: the port on which the service listens.
    """

    project_id: pulumi.Input[str]
    environment_id: pulumi.Input[str]
    service_id: pulumi.Input[str]
    application_port: pulumi.Input[int]


class TcpProxyProvider(RailwayProvider):
    """Finds, opens and closes a public port."""

    FIELDS = (
        Field(name="project_id", required=True, replace=True),
        Field(name="environment_id", required=True, replace=True),
        Field(name="service_id", required=True, replace=True),
        Field(name="application_port", normal=number, required=True, replace=True, rules=(port,)),
    )

    def create_object(self, props: Props) -> tuple[str, dict[str, Any]]:
        """Find it, or open it."""
        cache, api = self.environment(props), self.railway.api
        environment_id, service_id = props["environment_id"], props["service_id"]
        application_port = int(props["application_port"])

        def find() -> tuple[TcpProxyView, None] | None:
            proxies = api.tcp_proxies(environment_id, service_id)
            found = next((one for one in proxies if one.application_port == application_port), None)
            return None if found is None else (found, None)

        with cache.lock:
            latest = instance_of(cache.snapshot(), service_id).latest
            # One that was found was opened nobody knows when: without a time, a deployment is due.
            proxy, opened = find() or self.create_once(
                lambda: api.create_tcp_proxy(environment_id, service_id, application_port), find, late=True
            )
            cache.invalidate()
        return proxy.id, _outs(proxy) | {"revision": revision.new(opened, latest)}

    def read_object(self, id_: str, props: Props) -> dict[str, Any] | None:
        """The live port."""
        view = self.environment(props).snapshot()
        if is_deleted(view) or view.instance(props["service_id"]) is None:
            return None
        proxies = self.railway.api.tcp_proxies(props["environment_id"], props["service_id"])
        found = next((one for one in proxies if one.id == id_), None)
        return None if found is None else _outs(found) | {"application_port": found.application_port}

    def update_object(self, id_: str, olds: Props, news: Props, changed: tuple[str, ...]) -> dict[str, Any]:
        """Nothing: every change makes another one."""
        del id_, olds, news, changed
        return {}

    def delete_object(self, id_: str, props: Props) -> None:
        """Close it."""
        cache = self.environment(props)
        with cache.lock:
            try:
                self.railway.api.delete_tcp_proxy(id_)
            except NotFoundError:
                return
            finally:
                cache.invalidate()


class TcpProxy(dynamic.Resource, module="railway", name="TcpProxy"):
    """A public TCP port at `domain`:`proxy_port`; its id is Railway's."""

    domain: pulumi.Output[str]
    proxy_port: pulumi.Output[int]
    revision: pulumi.Output[str]

    def __init__(self, name: str, args: TcpProxyArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(TcpProxyProvider(), name, inputs_of(args, "domain", "proxy_port", "revision"), opts)


def _outs(proxy: TcpProxyView) -> dict[str, Any]:
    return {"domain": proxy.domain, "proxy_port": proxy.proxy_port}
