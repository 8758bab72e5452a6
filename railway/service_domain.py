"""The public domain that Railway gives a service.

A second `serviceDomainCreate` makes a second domain, so what is there is looked for first. Refuses to
make a second one beside one that a person made: the service's only domain is taken over. Refuses to
say that a port is taken back while Railway keeps it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pulumi
from pulumi import dynamic

from railway.domain_port import PORT_STAYS, port_mismatch
from railway.errors import NotFoundError, RefusedError, RejectedError
from railway.fields import Field, number, port
from railway.graphql.models import ServiceDomainView, Snapshot
from railway.provider import Props, RailwayProvider, inputs_of, instance_of, is_deleted
from railway.read_back import Mismatch, read_back
from railway.snapshot import EnvironmentCache
from railway.validation import at_most_characters


@dataclass(frozen=True, kw_only=True)
class ServiceDomainArgs:
    """Inputs of a domain.

    Args:
        project_id: the project.
        environment_id: the environment.
        service_id: the service.
        target_port: the port behind it. None: Railway finds it, and one that a hand set is its business;
            one that was declared before is taken back.
        subdomain: the first label of the name, 63 characters at most; None: Railway's choice.
    """

    project_id: pulumi.Input[str]
    environment_id: pulumi.Input[str]
    service_id: pulumi.Input[str]
    target_port: pulumi.Input[int] | None = None
    subdomain: pulumi.Input[str] | None = None


class ServiceDomainProvider(RailwayProvider):
    """Finds, makes, renames and deletes a domain."""

    FIELDS = (
        Field(name="project_id", required=True, replace=True),
        Field(name="environment_id", required=True, replace=True),
        Field(name="service_id", required=True, replace=True),
        Field(name="target_port", normal=number, rules=(port,)),
        Field(name="subdomain", rules=(at_most_characters(63),)),
    )

    def create_object(self, props: Props) -> tuple[str, dict[str, Any]]:
        """Find the service's domain, or make one; then bring label and port to what is declared."""
        cache = self.environment(props)
        with cache.lock:
            found = choose(cache.snapshot(), props)
            if found is None:
                found = self.create_once(
                    self._creation(props),
                    lambda: choose(cache.refresh(), props),
                    late=True,
                )
                made = found
                cache.update(lambda view: _with_domain(view, props["service_id"], made))
            domain = self._sync(cache, found, props)
        return found.id, {"domain": domain}

    def read_object(self, id_: str, props: Props) -> dict[str, Any] | None:
        """The live domain."""
        view = self.environment(props).snapshot()
        instance = None if is_deleted(view) else view.instance(props["service_id"])
        if instance is None:
            return None
        domain = next((one for one in instance.service_domains if one.id == id_), None)
        if domain is None:
            return None
        live = self.declared_only(props, {"target_port": domain.target_port, "subdomain": _label(domain)})
        return live | {"domain": domain.domain}

    def update_object(self, id_: str, olds: Props, news: Props, changed: tuple[str, ...]) -> dict[str, Any]:
        """Change label or port."""
        cache = self.environment(news)
        with cache.lock:
            instance = instance_of(cache.snapshot(), news["service_id"])
            domain = next((one for one in instance.service_domains if one.id == id_), None)
            if domain is None:
                # Gone since the last refresh: Railway's answer to the update says so.
                domain = ServiceDomainView(id_, olds["domain"], olds["domain"].partition(".")[2], None)
            if "target_port" in changed and news.get("target_port") is None:
                return {"domain": self._take_port_back(cache, domain, news)}
            return {"domain": self._sync(cache, domain, news)}

    def delete_object(self, id_: str, props: Props) -> None:
        """Take it away."""
        cache = self.environment(props)
        with cache.lock:
            try:
                self.railway.api.delete_domain(id_)
            except NotFoundError:
                return
            finally:
                cache.invalidate()

    def _creation(self, props: Props) -> Callable[[], ServiceDomainView]:
        """How to make one: with the port at the first try, without it at the next; `_sync` sets it then.

        Reported: a port is refused here, in words that fit any failure, while the variable PORT is set.
        """
        ports = [props.get("target_port")]

        def make() -> ServiceDomainView:
            wanted = ports.pop() if ports else None
            try:
                return self.railway.api.create_domain(props["environment_id"], props["service_id"], wanted)
            except RejectedError:
                if wanted is None:
                    raise
            return self.railway.api.create_domain(props["environment_id"], props["service_id"], None)

        return make

    def _sync(self, cache: EnvironmentCache, domain: ServiceDomainView, props: Props) -> str:
        label, port_wanted = props.get("subdomain"), props.get("target_port")
        renamed = label is not None and label != _label(domain)
        if not renamed and (port_wanted is None or port_wanted == domain.target_port):
            return domain.domain
        name = f"{label}.{domain.suffix}" if renamed else domain.domain
        # Without a word about the port a rename might take it away.
        kept = port_wanted if port_wanted is not None else domain.target_port
        self._update(cache, domain.id, props, name, {} if kept is None else {"targetPort": kept})
        return name

    def _take_port_back(self, cache: EnvironmentCache, domain: ServiceDomainView, props: Props) -> str:
        """Say that there is no port, and look: nobody has shown what Railway makes of a null here."""
        label = props.get("subdomain")
        name = domain.domain if label in (None, _label(domain)) else f"{label}.{domain.suffix}"
        self._update(cache, domain.id, props, name, {"targetPort": None})

        def wrong(view: Snapshot) -> tuple[Mismatch, ...]:
            found = instance_of(view, props["service_id"]).service_domains
            return tuple(
                port_mismatch(one.target_port) for one in found if one.id == domain.id and one.target_port
            )

        read_back(self, cache, f"the domain {name} without a port", wrong, fix=PORT_STAYS)
        return name

    def _update(
        self,
        cache: EnvironmentCache,
        domain_id: str,
        props: Props,
        name: str,
        port_said: dict[str, int | None],
    ) -> None:
        try:
            self.railway.api.update_domain(
                serviceDomainId=domain_id,
                serviceId=props["service_id"],
                environmentId=props["environment_id"],
                domain=name,
                **port_said,
            )
        except RejectedError as error:
            if not error.taken:
                raise
            raise RefusedError(
                f"Railway does not give the domain {name} to this service: {error.traced_reason}. Another "
                "service has it, perhaps somebody else's",
                fix="choose another subdomain, and run `pulumi up` again",
            ) from None
        cache.invalidate()


class ServiceDomain(dynamic.Resource, module="railway", name="ServiceDomain"):
    """A domain of Railway's; its id is Railway's, `domain` the host name."""

    domain: pulumi.Output[str]

    def __init__(
        self, name: str, args: ServiceDomainArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__(ServiceDomainProvider(), name, inputs_of(args, "domain"), opts)

    @property
    def url(self) -> pulumi.Output[str]:
        """The public address, https, without a slash at the end."""
        return pulumi.Output.concat("https://", self.domain)


def _label(domain: ServiceDomainView) -> str:
    return (
        domain.domain.removesuffix(f".{domain.suffix}") if domain.suffix else domain.domain.partition(".")[0]
    )


def choose(view: Snapshot, props: Props) -> ServiceDomainView | None:
    """The service's domain: the one with the declared label, or else its first."""
    domains = sorted(instance_of(view, props["service_id"]).service_domains, key=lambda one: one.id)
    wanted = [one for one in domains if _label(one) == props.get("subdomain")]
    return next(iter(wanted + domains), None)


def _with_domain(view: Snapshot, service_id: str, domain: ServiceDomainView) -> Snapshot:
    if view.environment is None:
        return view
    instances = tuple(
        replace(one, service_domains=(*one.service_domains, domain)) if one.service_id == service_id else one
        for one in view.environment.instances
    )
    return replace(view, environment=replace(view.environment, instances=instances))
