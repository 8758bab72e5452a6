"""A domain of your own on a service.

Railway returns the DNS records that the owner of the domain has to create; they are outputs. `up` does not
wait for DNS: `verified` is true when Railway has found the records.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

import pulumi

from railway import domain_port
from railway.args import Props, ServiceScopeArgs, config_key, how_to_set, how_to_unset
from railway.fields import column, fields_of, number, optional
from railway.graphql.errors import RefusedError, RejectedError
from railway.graphql.models import CustomDomainView, Snapshot
from railway.provider import RailwayProvider, RailwayResource
from railway.snapshot import EnvironmentCache
from railway.validation import port, quoting
from railway.waiting import create_once
from user_errors import OR


def _host_name(value: object) -> str | None:
    name = str(value)
    wrong = "/" in name or ":" in name or "." not in name or name != name.lower()
    return "is not a host name such as api.example.com" if wrong else None


@dataclass(frozen=True, kw_only=True)
class CustomDomainArgs(ServiceScopeArgs):
    """Inputs of a custom domain.

    Args:
        domain: the host name, in lower case.
        target_port: the port of the service. None: Railway detects it and may keep one that was set in the
            dashboard; one that was declared before is removed.
    """

    KEYS = ("domain",)

    domain: pulumi.Input[str] = field(metadata=column(replace=True, rules=(quoting(_host_name),)))
    target_port: pulumi.Input[int] | None = optional(normal=number, rules=(port,))


class CustomDomainProvider(RailwayProvider):
    """Provider of `CustomDomain`."""

    FIELDS = fields_of(CustomDomainArgs)

    def create_object(self, props: Props) -> tuple[str, dict[str, Any]]:
        """Find the domain at the service or create it."""
        cache = self.environment(props)
        with cache.lock:
            found = find_custom_domain(cache.snapshot(), props)
            if found is None:
                found = self._create(cache, props)
                cache.invalidate()
            elif props.get("target_port") not in (None, found.target_port):
                self._set_port(cache, found.id, props)
        return found.id, _outs(found)

    def read_object(self, id_: str, props: Props) -> dict[str, Any] | None:
        """The live domain."""
        instance = self.environment(props).snapshot().instance(props["service_id"])
        domain = next((one for one in instance.custom_domains if one.id == id_), None) if instance else None
        if domain is None:
            return None
        return self.declared_only(props, {"target_port": domain.target_port}) | _outs(domain)

    def update_object(self, id_: str, _olds: Props, news: Props, changed: tuple[str, ...]) -> dict[str, Any]:
        """Update the port."""
        if "target_port" in changed:
            cache = self.environment(news)
            with cache.lock:
                self._set_port(cache, id_, news)
                if news.get("target_port") is None:
                    domain_port.check_removed(cache, news["service_id"], id_, news["domain"])
        return {}

    def delete_object(self, id_: str, props: Props) -> None:
        """Delete the domain."""
        self.environment(props).delete("CustomDomainDelete", id=id_)

    def _create(self, cache: EnvironmentCache, props: Props) -> CustomDomainView:
        try:
            return create_once(
                self.clock,
                lambda: cache.api.create(
                    "CustomDomainCreate",
                    CustomDomainView.of,
                    **cache.ids,
                    serviceId=props["service_id"],
                    domain=props["domain"],
                    targetPort=props.get("target_port"),
                )[0],
                lambda: find_custom_domain(cache.refresh(), props),
                new_parent=True,
            )
        except RejectedError as error:
            if not error.taken:
                raise
            remove = f"\n{OR}{how_to_unset(props, 'domain')}" if config_key(props, "domain") else ""
            raise RefusedError(
                f"Railway rejected the domain {props['domain']} for this service: {error.traced_reason}. "
                "Another service, in this or another environment or project, has it",
                fix="if that service is yours, remove the domain from it in Railway's dashboard (the "
                "service, Settings, Networking), and run `pulumi up` again. If not:\n"
                f"{how_to_set(props, 'domain', '<another name>')}{remove}",
            ) from None

    def _set_port(self, cache: EnvironmentCache, domain_id: str, props: Props) -> None:
        cache.api.write(
            "CustomDomainUpdate",
            id=domain_id,
            environmentId=cache.environment_id,
            targetPort=props.get("target_port"),
        )
        cache.invalidate()


class CustomDomain(RailwayResource[CustomDomainArgs], module="railway", name="CustomDomain"):
    """A domain of your own; the id is Railway's.

    `dns_records` are the records to create: name, type, value and status of each.

    Example:
        custom = railway.CustomDomain("api", railway.CustomDomainArgs(**ids, domain="api.example.com"))
        pulumi.export("dns_records", custom.dns_records)
    """

    PROVIDER = CustomDomainProvider
    dns_records: pulumi.Output[list[dict[str, str]]]
    verified: pulumi.Output[bool]


def _outs(domain: CustomDomainView) -> dict[str, Any]:
    return {"verified": domain.verified, "dns_records": [asdict(record) for record in domain.records]}


def find_custom_domain(view: Snapshot, props: Props) -> CustomDomainView | None:
    """The custom domain of the declared name at the service."""
    domains = view.existing_instance(props["service_id"]).custom_domains
    return next((one for one in domains if one.domain == props["domain"]), None)
