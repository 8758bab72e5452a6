"""The public domain of a service that Railway generates.

`serviceDomainCreate` creates another domain with every call, so the service's domain is looked for first; a
domain that was created in the dashboard is adopted.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pulumi
from pulumi import dynamic

from railway import domain_port
from railway.args import Props, ServiceScopeArgs, inputs_of
from railway.fields import Field, number
from railway.graphql.errors import RefusedError, RejectedError
from railway.graphql.models import ServiceDomainView, Snapshot
from railway.provider import SERVICE_SCOPE, RailwayProvider
from railway.snapshot import EnvironmentCache
from railway.validation import at_most_characters, port
from railway.waiting import create_once


@dataclass(frozen=True, kw_only=True)
class ServiceDomainArgs(ServiceScopeArgs):
    """Inputs of a service domain.

    Args:
        target_port: the port of the service. None: Railway detects it and may keep one that was set in the
            dashboard; one that was declared before is removed.
        subdomain: the first label of the host name, at most 63 characters. None: Railway chooses.
    """

    target_port: pulumi.Input[int] | None = None
    subdomain: pulumi.Input[str] | None = None


class ServiceDomainProvider(RailwayProvider):
    """Provider of `ServiceDomain`."""

    FIELDS = (
        *SERVICE_SCOPE,
        Field(name="target_port", normal=number, rules=(port,)),
        Field(name="subdomain", rules=(at_most_characters(63),)),
    )

    def create_object(self, props: Props) -> tuple[str, dict[str, Any]]:
        """Find the service's domain or create one; then update its label and port."""
        cache = self.environment(props)
        with cache.lock:
            found = find_domain(cache.snapshot(), props)
            if found is None:
                found = create_once(
                    self.clock,
                    self._creation(props),
                    lambda: find_domain(cache.refresh(), props),
                    new_parent=True,
                )
                created = found
                cache.update(lambda view: _with_domain(view, props["service_id"], created))
            domain = self._sync(cache, found, props)
        return found.id, {"domain": domain}

    def read_object(self, id_: str, props: Props) -> dict[str, Any] | None:
        """The live domain."""
        instance = self.environment(props).snapshot().instance(props["service_id"])
        if instance is None:
            return None
        domain = next((one for one in instance.service_domains if one.id == id_), None)
        if domain is None:
            return None
        live = self.declared_only(props, {"target_port": domain.target_port, "subdomain": _label(domain)})
        return live | {"domain": domain.domain}

    def update_object(self, id_: str, olds: Props, news: Props, changed: tuple[str, ...]) -> dict[str, Any]:
        """Update the label or the port."""
        cache = self.environment(news)
        with cache.lock:
            instance = cache.snapshot().existing_instance(news["service_id"])
            domain = next((one for one in instance.service_domains if one.id == id_), None)
            if domain is None:
                # Deleted since the last refresh: the update fails.
                domain = ServiceDomainView(id_, olds["domain"], olds["domain"].partition(".")[2], None)
            if "target_port" in changed and news.get("target_port") is None:
                return {"domain": self._remove_port(cache, domain, news)}
            return {"domain": self._sync(cache, domain, news)}

    def delete_object(self, id_: str, props: Props) -> None:
        """Delete the domain."""
        cache = self.environment(props)
        cache.delete(lambda: cache.api.delete_domain(id_))

    def _creation(self, props: Props) -> Callable[[], ServiceDomainView]:
        """Creates a domain, on the first call with the port; without it, `_sync` sets it afterwards.

        Some users report that Railway rejects a port here, with a general message, while the variable PORT
        is set.
        """
        ports = [props.get("target_port")]

        def create() -> ServiceDomainView:
            wanted = ports.pop() if ports else None
            try:
                return self.railway.api.create_domain(props["environment_id"], props["service_id"], wanted)
            except RejectedError:
                if wanted is None:
                    raise
            return self.railway.api.create_domain(props["environment_id"], props["service_id"], None)

        return create

    def _sync(self, cache: EnvironmentCache, domain: ServiceDomainView, props: Props) -> str:
        """Update label and port; returns the host name."""
        declared = props.get("target_port")
        name = _declared_name(domain, props)
        if name == domain.domain and declared in (None, domain.target_port):
            return name
        # An update without a port might remove it.
        kept = declared if declared is not None else domain.target_port
        self._update(cache, domain.id, props, name, {} if kept is None else {"targetPort": kept})
        return name

    def _remove_port(self, cache: EnvironmentCache, domain: ServiceDomainView, props: Props) -> str:
        name = _declared_name(domain, props)
        self._update(cache, domain.id, props, name, {"targetPort": None})
        domain_port.check_removed(cache, props["service_id"], domain.id, name)
        return name

    def _update(
        self, cache: EnvironmentCache, domain_id: str, props: Props, name: str, port: dict[str, int | None]
    ) -> None:
        try:
            cache.api.update_domain(
                serviceDomainId=domain_id,
                serviceId=props["service_id"],
                environmentId=props["environment_id"],
                domain=name,
                **port,
            )
        except RejectedError as error:
            if not error.taken:
                raise
            raise RefusedError(
                f"Railway rejected the domain {name} for this service: {error.traced_reason}. Another "
                "service, perhaps of another account, has it",
                fix="choose another subdomain, and run `pulumi up` again",
            ) from None
        cache.invalidate()


class ServiceDomain(dynamic.Resource, module="railway", name="ServiceDomain"):
    """A domain generated by Railway; the id is Railway's, `domain` the host name.

    Example:
        domain = railway.ServiceDomain("api", railway.ServiceDomainArgs(**ids, target_port=8080))
        pulumi.export("url", domain.url)
    """

    domain: pulumi.Output[str]

    def __init__(
        self, name: str, args: ServiceDomainArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__(ServiceDomainProvider(), name, inputs_of(args, "domain"), opts)

    @property
    def url(self) -> pulumi.Output[str]:
        """The public https address, without a slash at the end."""
        return pulumi.Output.concat("https://", self.domain)


def _label(domain: ServiceDomainView) -> str:
    return (
        domain.domain.removesuffix(f".{domain.suffix}") if domain.suffix else domain.domain.partition(".")[0]
    )


def _declared_name(domain: ServiceDomainView, props: Props) -> str:
    label = props.get("subdomain")
    return domain.domain if label in (None, _label(domain)) else f"{label}.{domain.suffix}"


def find_domain(view: Snapshot, props: Props) -> ServiceDomainView | None:
    """The service's domain: the one with the declared label, or else its first."""
    instance = view.existing_instance(props["service_id"])
    domains = sorted(instance.service_domains, key=lambda one: one.id)
    declared = [one for one in domains if _label(one) == props.get("subdomain")]
    return next(iter(declared + domains), None)


def _with_domain(view: Snapshot, service_id: str, domain: ServiceDomainView) -> Snapshot:
    instances = tuple(
        replace(one, service_domains=(*one.service_domains, domain)) if one.service_id == service_id else one
        for one in (view.environment.instances if view.environment else ())
    )
    return view.with_environment(instances=instances)
