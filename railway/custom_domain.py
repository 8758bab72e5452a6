"""A domain of one's own. Railway says which DNS records its owner has to make; they are outputs.

Refuses to wait for DNS: a person makes the records, at a time of their own. `verified` says whether they
are there. Refuses to say that a port is taken back while Railway keeps it.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import pulumi
from pulumi import dynamic

from railway.domain_port import PORT_STAYS, port_mismatch
from railway.errors import NotFoundError, RefusedError, RejectedError
from railway.fields import Field, FieldProblem, is_unknown, number, port
from railway.graphql.models import CustomDomainView, Snapshot
from railway.provider import Props, RailwayProvider, inputs_of, instance_of, is_deleted
from railway.read_back import Mismatch, read_back
from railway.snapshot import EnvironmentCache


@dataclass(frozen=True, kw_only=True)
class CustomDomainArgs:
    """Inputs of a domain.

    Args:
        project_id: the project.
        environment_id: the environment.
        service_id: the service.
        domain: the host name.
        target_port: the port behind it. None: Railway finds it, and one that a hand set is its business;
            one that was declared before is taken back.
    """

    project_id: pulumi.Input[str]
    environment_id: pulumi.Input[str]
    service_id: pulumi.Input[str]
    domain: pulumi.Input[str]
    target_port: pulumi.Input[int] | None = None


class CustomDomainProvider(RailwayProvider):
    """Finds, announces, and takes away a domain."""

    FIELDS = (
        Field(name="project_id", required=True, replace=True),
        Field(name="environment_id", required=True, replace=True),
        Field(name="service_id", required=True, replace=True),
        Field(name="domain", required=True, replace=True),
        Field(name="target_port", normal=number, rules=(port,)),
    )

    def validate(self, olds: Props, news: Props) -> list[FieldProblem]:
        """A host name, not an address."""
        del olds
        domain = news.get("domain")
        if not isinstance(domain, str) or is_unknown(domain) or not domain:
            return []
        if "/" in domain or ":" in domain or "." not in domain or domain != domain.lower():
            return [FieldProblem("domain", f"{domain!r} is no host name; write it as in crm.example.com")]
        return []

    def create_object(self, props: Props) -> tuple[str, dict[str, Any]]:
        """Find it at the service, or announce it."""
        cache = self.environment(props)
        with cache.lock:
            found = _named(cache.snapshot(), props)
            if found is None:
                found = self._announced(cache, props)
                cache.invalidate()
            elif props.get("target_port") not in (None, found.target_port):
                self._set_port(found.id, props)
        return found.id, _outs(found)

    def read_object(self, id_: str, props: Props) -> dict[str, Any] | None:
        """The live domain."""
        view = self.environment(props).snapshot()
        instance = None if is_deleted(view) else view.instance(props["service_id"])
        domain = next((one for one in instance.custom_domains if one.id == id_), None) if instance else None
        if domain is None:
            return None
        return self.declared_only(props, {"target_port": domain.target_port}) | _outs(domain)

    def update_object(self, id_: str, olds: Props, news: Props, changed: tuple[str, ...]) -> dict[str, Any]:
        """Change the port."""
        del olds
        if "target_port" in changed:
            cache = self.environment(news)
            with cache.lock:
                self._set_port(id_, news)
                if news.get("target_port") is None:
                    self._check_that_it_is_gone(cache, id_, news)
        return {}

    def delete_object(self, id_: str, props: Props) -> None:
        """Take it away."""
        cache = self.environment(props)
        with cache.lock:
            try:
                self.railway.api.delete_custom_domain(id_)
            except NotFoundError:
                return
            finally:
                cache.invalidate()

    def _announced(self, cache: EnvironmentCache, props: Props) -> CustomDomainView:
        try:
            return self.create_once(
                lambda: self.railway.api.create_custom_domain(
                    projectId=cache.project_id,
                    environmentId=cache.environment_id,
                    serviceId=props["service_id"],
                    domain=props["domain"],
                    targetPort=props.get("target_port"),
                ),
                lambda: _named(cache.refresh(), props),
                late=True,
            )
        except RejectedError as error:
            if not error.taken:
                raise
            raise RefusedError(
                f"Railway does not give the domain {props['domain']} to this service: {error.traced_reason}. "
                "Another service has it, in this environment, another one, or another project",
                fix="if that service is yours: take the domain away there in Railway's dashboard "
                "(service, Settings, Networking), and run `pulumi up` again. If not: pulumi config set "
                "whatsapp-crm:customDomain <another name>, or pulumi config rm whatsapp-crm:customDomain",
            ) from None

    def _check_that_it_is_gone(self, cache: EnvironmentCache, domain_id: str, props: Props) -> None:
        """Nobody has shown what Railway makes of a null here."""

        def wrong(view: Snapshot) -> tuple[Mismatch, ...]:
            found = instance_of(view, props["service_id"]).custom_domains
            return tuple(
                port_mismatch(one.target_port) for one in found if one.id == domain_id and one.target_port
            )

        what = f"the domain {props['domain']} without a port"
        read_back(self, cache, what, wrong, fix=PORT_STAYS)

    def _set_port(self, domain_id: str, props: Props) -> None:
        self.railway.api.update_custom_domain(domain_id, props["environment_id"], props.get("target_port"))
        self.environment(props).invalidate()


class CustomDomain(dynamic.Resource, module="railway", name="CustomDomain"):
    """A domain of one's own; its id is Railway's.

    `dns_records` are the records its owner has to make: name, type, value, status.
    """

    domain: pulumi.Output[str]
    dns_records: pulumi.Output[list[dict[str, str]]]
    verified: pulumi.Output[bool]

    def __init__(self, name: str, args: CustomDomainArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(CustomDomainProvider(), name, inputs_of(args, "dns_records", "verified"), opts)


def _outs(domain: CustomDomainView) -> dict[str, Any]:
    return {"verified": domain.verified, "dns_records": [asdict(record) for record in domain.records]}


def _named(view: Snapshot, props: Props) -> CustomDomainView | None:
    domains = instance_of(view, props["service_id"]).custom_domains
    return next((one for one in domains if one.domain == props["domain"]), None)
