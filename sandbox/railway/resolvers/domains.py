"""How a service is reached: Railway's own domains, custom domains with their DNS records, TCP proxies.

Refuses to make a domain twice the same: every create makes another, so a program has to look first. Source:
Railway's schema (ServiceDomainCreateInput, CustomDomainStatus); Railway docs, networking/domains.
"""

from __future__ import annotations

import re
import secrets
from typing import TYPE_CHECKING, Any

from sandbox.railway import problems
from sandbox.railway import records as r
from sandbox.railway.rendering import authored, label
from sandbox.railway.store import new_id

if TYPE_CHECKING:
    from sandbox.railway.context import Call

SUFFIX = "up.railway.app"
LONGEST_LABEL = 63
PER_SERVICE = {"free": 1, "trial": 1, "hobby": 2, "pro": 20}
HOST_NAME = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)(\.(?!-)[a-z0-9-]{1,63}(?<!-))+")


def taken(call: Call, domain: str, own: str = "") -> bool:
    """Whether a live domain has this name."""
    return any(
        row.domain == domain and row.deleted_at is None and row.id != own
        for row in call.store.domains.values()
    )


def domains_of(call: Call, service_id: str, environment_id: str) -> dict[str, Any]:
    """All domains of a service in an environment."""
    rows = [
        row
        for row in call.listed(call.store.domains.values())
        if (row.service_id, row.environment_id) == (service_id, environment_id)
    ]
    return {
        "service_domains": [row for row in rows if not row.custom],
        "custom_domains": [row for row in rows if row.custom],
    }


def domains(_: None, call: Call, project_id: str, environment_id: str, service_id: str) -> dict[str, Any]:
    call.project(project_id)
    call.environment(environment_id)
    call.service(service_id)
    return domains_of(call, service_id, environment_id)


def available(_: None, call: Call, domain: str) -> dict[str, Any]:
    call.known()
    free = not taken(call, domain)
    return {"available": free, "message": "Domain is available" if free else "Domain is not available"}


def check_port(port: int | None) -> None:
    """Refuse a port that is none.

    Raises:
        GraphQLError: outside 1 to 65535.
    """
    if port is not None and not 1 <= port <= 65_535:
        raise problems.bad_input("targetPort must be between 1 and 65535")


def new_domain(call: Call, place: tuple[str, str], name: str, port: int | None, *, custom: bool) -> r.Domain:
    """Make and keep a domain of (service, environment)."""
    now = call.now
    made = r.Domain(
        id=new_id(),
        service_id=place[0],
        environment_id=place[1],
        project_id=call.store.environments[place[1]].project_id,
        domain=name,
        created_at=now,
        updated_at=now,
        active_at=now + call.switches.domain_delay_seconds,
        custom=custom,
        target_port=port,
        verification_token=f"railway-verify={secrets.token_hex(16)}" if custom else "",
    )
    call.store.domains[made.id] = made
    return made


def service_domain_create(_: None, call: Call, input: dict[str, Any]) -> r.Domain:
    """A domain with a name of Railway's choice. Not idempotent: every call makes another."""
    place = (input["service_id"], input["environment_id"])
    call.instance(*place)
    port = input.get("target_port")
    check_port(port)
    variables = {row.name for row in authored(call.store, place[1], place[0])}
    if port is not None and "PORT" in variables and call.switches.target_port_with_port_refused:
        raise problems.refusal(problems.PLEASE_TRY_AGAIN)
    service, environment = call.store.services[place[0]], call.store.environments[place[1]]
    host = f"{label(service.name)}-{label(environment.name)}"
    if len(host) > LONGEST_LABEL or call.overlapped:
        raise problems.refusal(problems.PLEASE_TRY_AGAIN)
    name = f"{host}.{SUFFIX}"
    while taken(call, name):
        extra = secrets.token_hex(2)
        name = f"{host[: LONGEST_LABEL - len(extra) - 1]}-{extra}.{SUFFIX}"
    return new_domain(call, place, name, port, custom=False)


def service_domain_update(_: None, call: Call, input: dict[str, Any]) -> bool:
    found = call.domain(input["service_domain_id"], custom=False)
    if (found.service_id, found.environment_id) != (input["service_id"], input["environment_id"]):
        raise call.missing("ServiceDomain")
    name = input["domain"].lower()
    host, _, suffix = name.partition(".")
    if suffix != SUFFIX or not host or len(host) > LONGEST_LABEL or not HOST_NAME.fullmatch(name):
        raise problems.bad_input(f"Invalid domain {input['domain']}")
    if taken(call, name, own=found.id):
        raise problems.bad_input(f"Domain {name} is not available")
    if "target_port" in input:
        check_port(input["target_port"])
        set_port(call, found, input["target_port"])
    found.domain, found.updated_at = name, call.now
    return True


def set_port(call: Call, found: r.Domain, port: int | None) -> None:
    """The port behind a domain; what null does is a guess."""
    if port is not None or call.switches.null_port_clears:
        found.target_port = port


def delete_domain(call: Call, found: r.Domain) -> bool:
    """End a domain."""
    found.deleted_at = call.now
    return True


def service_domain_delete(_: None, call: Call, id: str) -> bool:
    return delete_domain(call, call.domain(id, custom=False))


def custom_domain(_: None, call: Call, id: str, project_id: str) -> r.Domain:
    call.project(project_id)
    return call.domain(id, custom=True)


def custom_domain_create(_: None, call: Call, input: dict[str, Any]) -> r.Domain:
    """Register a domain of one's own; it works once its DNS records have propagated."""
    call.project(input["project_id"])
    place = (input["service_id"], input["environment_id"])
    call.instance(*place)
    name = input["domain"].lower()
    check_port(input.get("target_port"))
    if not HOST_NAME.fullmatch(name) or name.endswith(f".{SUFFIX}"):
        raise problems.bad_input(f"Invalid domain {input['domain']}")
    if taken(call, name):
        raise problems.bad_input(f"Domain {name} is not available")
    count = len(domains_of(call, *place)["custom_domains"])
    if count >= PER_SERVICE[call.switches.plan]:
        raise problems.bad_input(
            f"The {call.switches.plan} plan allows no more custom domains on this service"
        )
    return new_domain(call, place, name, input.get("target_port"), custom=True)


def custom_domain_update(
    _: None, call: Call, id: str, environment_id: str, target_port: int | None = None
) -> bool:
    found = call.domain(id, custom=True)
    if found.environment_id != environment_id:
        raise call.missing("CustomDomain")
    check_port(target_port)
    set_port(call, found, target_port)
    found.updated_at = call.now
    return True


def custom_domain_delete(_: None, call: Call, id: str) -> bool:
    return delete_domain(call, call.domain(id, custom=True))


def custom_status(source: r.Domain, _: Call) -> dict[str, Any]:
    """DNS records and certificate of a custom domain."""
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


def sync_status(source: r.Domain | r.TcpProxy, call: Call) -> str:
    if source.deleted_at is not None:
        return "DELETED"
    return "ACTIVE" if source.active_at <= call.now else "CREATING"


def suffix_of(source: r.Domain, _: Call) -> str:
    return source.domain.partition(".")[2]


def nothing(_source: r.Domain, _: Call) -> None:
    return None


def not_railways(_source: r.Domain, _: Call) -> bool:
    return False


def tcp_proxies(_: None, call: Call, service_id: str, environment_id: str) -> list[r.TcpProxy]:
    call.instance(service_id, environment_id)
    return [
        row
        for row in call.store.tcp_proxies.values()
        if (row.service_id, row.environment_id, row.deleted_at) == (service_id, environment_id, None)
    ]


def tcp_proxy_create(_: None, call: Call, input: dict[str, Any]) -> r.TcpProxy:
    """A public TCP port for a service's port. Not idempotent."""
    call.instance(input["service_id"], input["environment_id"])
    check_port(input["application_port"])
    used = {row.proxy_port for row in call.store.tcp_proxies.values()}
    now = call.now
    made = r.TcpProxy(
        id=new_id(),
        service_id=input["service_id"],
        environment_id=input["environment_id"],
        domain="sandbox.proxy.rlwy.net",
        application_port=input["application_port"],
        proxy_port=next(port for port in range(20_001, 60_000) if port not in used),
        created_at=now,
        updated_at=now,
        active_at=now + call.switches.domain_delay_seconds,
    )
    call.store.tcp_proxies[made.id] = made
    return made


def tcp_proxy_delete(_: None, call: Call, id: str) -> bool:
    found = call.store.tcp_proxies.get(id)
    if found is None or found.deleted_at is not None:
        raise call.missing("TCPProxy")
    call.environment(found.environment_id)
    found.deleted_at = call.now
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
    "ServiceDomain.cdnMode": nothing,
    "ServiceDomain.edgeId": nothing,
    "ServiceDomain.newDomainName": nothing,
    "ServiceDomain.newHostLabel": nothing,
    "CustomDomain.status": custom_status,
    "CustomDomain.syncStatus": sync_status,
    "CustomDomain.cdnMode": nothing,
    "CustomDomain.edgeId": nothing,
    "CustomDomain.isRailwayDomain": not_railways,
    "TCPProxy.syncStatus": sync_status,
}
