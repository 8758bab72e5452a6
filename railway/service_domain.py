"""The public domain of a service that Railway generates.

`serviceDomainCreate` creates another domain with every call, so the service's domain is looked for first; a
domain that was created in the dashboard is adopted.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pulumi

from railway import domain_port
from railway.args import Props, ServiceScopeArgs, how_to_set
from railway.fields import fields_of, number, optional
from railway.graphql.errors import RefusedError, RejectedError
from railway.graphql.models import ServiceDomainView, Snapshot
from railway.provider import RailwayProvider, RailwayResource
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

    target_port: pulumi.Input[int] | None = optional(normal=number, rules=(port,))
    subdomain: pulumi.Input[str] | None = optional(rules=(at_most_characters(63),))


class ServiceDomainProvider(RailwayProvider):
    """Provider of `ServiceDomain`."""

    FIELDS = fields_of(ServiceDomainArgs)

    def create_object(self, props: Props) -> tuple[str, dict[str, Any]]:
        """Find the service's domain or create one; then update its label and port."""
        cache = self.environment(props)
        with cache.lock:
            found = find_domain(cache.snapshot(), props)
            if found is None:
                found = create_once(
                    self.clock,
                    self._creation(cache, props),
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
            remove_port = "target_port" in changed and news.get("target_port") is None
            return {"domain": self._sync(cache, domain, news, remove_port=remove_port)}

    def delete_object(self, id_: str, props: Props) -> None:
        """Delete the domain."""
        self.environment(props).delete("DomainDelete", id=id_)

    def _creation(self, cache: EnvironmentCache, props: Props) -> Callable[[], ServiceDomainView]:
        """Creates a domain, on the first call with the port; without it, `_sync` sets it afterwards.

        Some users report that Railway rejects a port here, with a general message, while the variable PORT
        is set.
        """
        ids = {"environmentId": cache.environment_id, "serviceId": props["service_id"]}
        ports = [props.get("target_port")]

        def create() -> ServiceDomainView:
            port = ports.pop() if ports else None
            try:
                return cache.api.create("DomainCreate", ServiceDomainView.of, **ids, targetPort=port)[0]
            except RejectedError:
                if port is None:
                    raise
            return create()

        return create

    def _sync(
        self, cache: EnvironmentCache, domain: ServiceDomainView, props: Props, *, remove_port: bool = False
    ) -> str:
        """Update label and port; returns the host name."""
        label, port = props.get("subdomain"), props.get("target_port")
        name = domain.domain if label in (None, _label(domain)) else f"{label}.{domain.suffix}"
        if not remove_port and name == domain.domain and port in (None, domain.target_port):
            return name
        sent = {
            "serviceDomainId": domain.id,
            "serviceId": props["service_id"],
            "environmentId": cache.environment_id,
            "domain": name,
        }
        # An update without a port might remove it.
        port = domain.target_port if port is None and not remove_port else port
        if remove_port or port is not None:
            sent["targetPort"] = port
        try:
            cache.api.write("DomainUpdate", input=sent)
        except RejectedError as error:
            if not error.taken:
                raise
            raise RefusedError(
                f"Railway rejected the domain {name} for this service: {error.traced_reason}. Another "
                "service, perhaps of another account, has it",
                fix=f"{how_to_set(props, 'subdomain', '<another name>')}\nThen run `pulumi up` again.",
            ) from None
        cache.invalidate()
        if remove_port:
            domain_port.check_removed(cache, props["service_id"], domain.id, name)
        return name


class ServiceDomain(RailwayResource[ServiceDomainArgs], module="railway", name="ServiceDomain"):
    """A domain generated by Railway; the id is Railway's, `domain` the host name.

    Example:
        domain = railway.ServiceDomain("api", railway.ServiceDomainArgs(**ids, target_port=8080))
        pulumi.export("url", domain.url)
    """

    PROVIDER = ServiceDomainProvider
    domain: pulumi.Output[str]

    @property
    def url(self) -> pulumi.Output[str]:
        """The public https address, without a slash at the end."""
        return pulumi.Output.concat("https://", self.domain)


def _label(domain: ServiceDomainView) -> str:
    return (
        domain.domain.removesuffix(f".{domain.suffix}") if domain.suffix else domain.domain.partition(".")[0]
    )


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
