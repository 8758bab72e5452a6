"""Networking: Railway's own domains, custom domains with their DNS records, TCP proxies.

Creations are not idempotent: each creates another object. Source: Railway's schema (ServiceDomainCreateInput,
CustomDomainStatus); Railway docs, networking/domains.
"""

from __future__ import annotations

import re
import secrets
from typing import TYPE_CHECKING, Any

from sandbox.railway import errors, records
from sandbox.railway.rendering import host_label, user_variables
from sandbox.railway.store import new_id

if TYPE_CHECKING:
    from sandbox.railway.context import Context

SUFFIX = "up.railway.app"
LONGEST_LABEL = 63
PER_SERVICE = {"free": 1, "trial": 1, "hobby": 2, "pro": 20}
HOST_NAME = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)(\.(?!-)[a-z0-9-]{1,63}(?<!-))+")


def is_taken(context: Context, domain: str, own: str = "") -> bool:
    """Return whether a domain that is not deleted has this name."""
    return any(
        row.domain == domain and row.deleted_at is None and row.id != own
        for row in context.store.domains.values()
    )


def domains_of(context: Context, service_id: str, environment_id: str) -> dict[str, Any]:
    """Return all domains of a service in an environment."""
    rows = [
        row
        for row in context.listed(context.store.domains.values())
        if (row.service_id, row.environment_id) == (service_id, environment_id)
    ]
    return {
        "service_domains": [row for row in rows if not row.custom],
        "custom_domains": [row for row in rows if row.custom],
    }


def domains(
    _: None, context: Context, project_id: str, environment_id: str, service_id: str
) -> dict[str, Any]:
    context.project(project_id)
    context.environment(environment_id)
    context.service(service_id)
    return domains_of(context, service_id, environment_id)


def available(_: None, context: Context, domain: str) -> dict[str, Any]:
    context.require_token()
    free = not is_taken(context, domain)
    return {"available": free, "message": "Domain is available" if free else "Domain is not available"}


def check_port(port: int | None) -> None:
    """Reject an invalid port.

    Raises:
        GraphQLError: outside 1 to 65535.
    """
    if port is not None and not 1 <= port <= 65_535:
        raise errors.bad_input("targetPort must be between 1 and 65535")


def new_domain(
    context: Context, instance_key: tuple[str, str], name: str, port: int | None, *, custom: bool
) -> records.Domain:
    """Create a domain of (service, environment)."""
    now = context.now
    created = records.Domain(
        id=new_id(),
        service_id=instance_key[0],
        environment_id=instance_key[1],
        project_id=context.store.environments[instance_key[1]].project_id,
        domain=name,
        created_at=now,
        updated_at=now,
        active_at=now + context.switches.domain_delay_seconds,
        custom=custom,
        target_port=port,
        verification_token=f"railway-verify={secrets.token_hex(16)}" if custom else "",
    )
    context.store.domains[created.id] = created
    return created


def service_domain_create(_: None, context: Context, input: dict[str, Any]) -> records.Domain:
    """Create a domain with a name that Railway chooses. Not idempotent."""
    instance_key = (input["service_id"], input["environment_id"])
    context.instance(*instance_key)
    port = input.get("target_port")
    check_port(port)
    variables = {row.name for row in user_variables(context.store, instance_key[1], instance_key[0])}
    if port is not None and "PORT" in variables and context.switches.target_port_with_port_refused:
        raise errors.graphql_error(errors.PLEASE_TRY_AGAIN)
    service, environment = (
        context.store.services[instance_key[0]],
        context.store.environments[instance_key[1]],
    )
    host = f"{host_label(service.name)}-{host_label(environment.name)}"
    if len(host) > LONGEST_LABEL or context.overlapped:
        raise errors.graphql_error(errors.PLEASE_TRY_AGAIN)
    name = f"{host}.{SUFFIX}"
    while is_taken(context, name):
        extra = secrets.token_hex(2)
        name = f"{host[: LONGEST_LABEL - len(extra) - 1]}-{extra}.{SUFFIX}"
    return new_domain(context, instance_key, name, port, custom=False)


def service_domain_update(_: None, context: Context, input: dict[str, Any]) -> bool:
    found = context.domain(input["service_domain_id"], custom=False)
    if (found.service_id, found.environment_id) != (input["service_id"], input["environment_id"]):
        raise context.missing_error("ServiceDomain")
    name = input["domain"].lower()
    host, _, suffix = name.partition(".")
    if suffix != SUFFIX or not host or len(host) > LONGEST_LABEL or not HOST_NAME.fullmatch(name):
        raise errors.bad_input(f"Invalid domain {input['domain']}")
    if is_taken(context, name, own=found.id):
        raise errors.bad_input(f"Domain {name} is not available")
    if "target_port" in input:
        check_port(input["target_port"])
        set_port(context, found, input["target_port"])
    found.domain, found.updated_at = name, context.now
    return True


def set_port(context: Context, found: records.Domain, port: int | None) -> None:
    """Set the port behind a domain; the meaning of null is not verified."""
    if port is not None or context.switches.null_port_clears:
        found.target_port = port


def delete_domain(context: Context, found: records.Domain) -> bool:
    """Delete a domain."""
    found.deleted_at = context.now
    return True


def service_domain_delete(_: None, context: Context, id: str) -> bool:
    return delete_domain(context, context.domain(id, custom=False))


def custom_domain(_: None, context: Context, id: str, project_id: str) -> records.Domain:
    context.project(project_id)
    return context.domain(id, custom=True)


def custom_domain_create(_: None, context: Context, input: dict[str, Any]) -> records.Domain:
    """Add a custom domain; it works once its DNS records have propagated."""
    context.project(input["project_id"])
    instance_key = (input["service_id"], input["environment_id"])
    context.instance(*instance_key)
    name = input["domain"].lower()
    check_port(input.get("target_port"))
    if not HOST_NAME.fullmatch(name) or name.endswith(f".{SUFFIX}"):
        raise errors.bad_input(f"Invalid domain {input['domain']}")
    if is_taken(context, name):
        raise errors.bad_input(f"Domain {name} is not available")
    count = len(domains_of(context, *instance_key)["custom_domains"])
    if count >= PER_SERVICE[context.switches.plan]:
        raise errors.bad_input(
            f"The {context.switches.plan} plan allows no more custom domains on this service"
        )
    return new_domain(context, instance_key, name, input.get("target_port"), custom=True)


def custom_domain_update(
    _: None, context: Context, id: str, environment_id: str, target_port: int | None = None
) -> bool:
    found = context.domain(id, custom=True)
    if found.environment_id != environment_id:
        raise context.missing_error("CustomDomain")
    check_port(target_port)
    set_port(context, found, target_port)
    found.updated_at = context.now
    return True


def custom_domain_delete(_: None, context: Context, id: str) -> bool:
    return delete_domain(context, context.domain(id, custom=True))


def custom_status(source: records.Domain, _: Context) -> dict[str, Any]:
    """Return DNS records and certificate status of a custom domain."""
    host, _dot, zone = source.domain.partition(".")
    done = source.dns_propagated
    status = "DNS_RECORD_STATUS_PROPAGATED" if done else "DNS_RECORD_STATUS_REQUIRES_UPDATE"
    target = f"{source.id.replace('-', '')[:8]}.{SUFFIX}"
    common = {"zone": zone, "status": status}
    return {
        "verified": done,
        "verification_dns_host": f"_railway-verify.{host}",
        "verification_token": source.verification_token,
        "certificate_status": "CERTIFICATE_STATUS_TYPE_VALID"
        if done
        else "CERTIFICATE_STATUS_TYPE_VALIDATING_OWNERSHIP",
        "certificate_status_detailed": "CERTIFICATE_STATUS_TYPE_DETAILED_COMPLETE" if done else None,
        "certificate_error_message": None,
        "certificate_retryable": None,
        "cdn_provider": None,
        "dns_records": [
            {
                **common,
                "fqdn": source.domain,
                "hostlabel": host,
                "record_type": "DNS_RECORD_TYPE_CNAME",
                "purpose": "DNS_RECORD_PURPOSE_TRAFFIC_ROUTE",
                "required_value": target,
                "current_value": target if done else "",
            },
            {
                **common,
                "fqdn": f"_railway-verify.{source.domain}",
                "hostlabel": f"_railway-verify.{host}",
                "record_type": "DNS_RECORD_TYPE_TXT",
                "purpose": "DNS_RECORD_PURPOSE_UNSPECIFIED",
                "required_value": source.verification_token,
                "current_value": source.verification_token if done else "",
            },
        ],
    }


def sync_status(source: records.Domain | records.TcpProxy, context: Context) -> str:
    if source.deleted_at is not None:
        return "DELETED"
    return "ACTIVE" if source.active_at <= context.now else "CREATING"


def suffix_of(source: records.Domain, _: Context) -> str:
    return source.domain.partition(".")[2]


def always_null(_source: records.Domain, _: Context) -> None:
    return None


def is_railway_domain(_source: records.Domain, _: Context) -> bool:
    return False


def tcp_proxies(_: None, context: Context, service_id: str, environment_id: str) -> list[records.TcpProxy]:
    context.instance(service_id, environment_id)
    return [
        row
        for row in context.store.tcp_proxies.values()
        if (row.service_id, row.environment_id, row.deleted_at) == (service_id, environment_id, None)
    ]


def tcp_proxy_create(_: None, context: Context, input: dict[str, Any]) -> records.TcpProxy:
    """Create a public TCP port for a service's port. Not idempotent."""
    context.instance(input["service_id"], input["environment_id"])
    check_port(input["application_port"])
    used = {row.proxy_port for row in context.store.tcp_proxies.values()}
    now = context.now
    created = records.TcpProxy(
        id=new_id(),
        service_id=input["service_id"],
        environment_id=input["environment_id"],
        domain="sandbox.proxy.rlwy.net",
        application_port=input["application_port"],
        proxy_port=next(port for port in range(20_001, 60_000) if port not in used),
        created_at=now,
        updated_at=now,
        active_at=now + context.switches.domain_delay_seconds,
    )
    context.store.tcp_proxies[created.id] = created
    return created


def tcp_proxy_delete(_: None, context: Context, id: str) -> bool:
    found = context.store.tcp_proxies.get(id)
    if found is None or found.deleted_at is not None:
        raise context.missing_error("TCPProxy")
    context.environment(found.environment_id)
    found.deleted_at = context.now
    return True


FIELDS = {
    "Query.domains": domains,
    "Query.serviceDomainAvailable": available,
    "Query.customDomainAvailable": available,
    "Query.customDomain": custom_domain,
    "Query.tcpProxies": tcp_proxies,
    "Mutation.serviceDomainCreate": service_domain_create,
    "Mutation.serviceDomainUpdate": service_domain_update,
    "Mutation.serviceDomainDelete": service_domain_delete,
    "Mutation.customDomainCreate": custom_domain_create,
    "Mutation.customDomainUpdate": custom_domain_update,
    "Mutation.customDomainDelete": custom_domain_delete,
    "Mutation.tcpProxyCreate": tcp_proxy_create,
    "Mutation.tcpProxyDelete": tcp_proxy_delete,
    "ServiceDomain.suffix": suffix_of,
    "ServiceDomain.syncStatus": sync_status,
    "ServiceDomain.cdnMode": always_null,
    "ServiceDomain.edgeId": always_null,
    "ServiceDomain.newDomainName": always_null,
    "ServiceDomain.newHostLabel": always_null,
    "CustomDomain.status": custom_status,
    "CustomDomain.syncStatus": sync_status,
    "CustomDomain.cdnMode": always_null,
    "CustomDomain.edgeId": always_null,
    "CustomDomain.isRailwayDomain": is_railway_domain,
    "TCPProxy.syncStatus": sync_status,
}
