"""The resolvers of Railway's fields, one file per area.

A resolver takes (source, context, **arguments in snake_case). It has a docstring if the field's name does not
describe all that it does. Each file has a `FIELDS` table; they are joined here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.railway.resolvers import (
    accounts,
    backups,
    config,
    deployments,
    domains,
    environments,
    projects,
    services,
    sources,
    variables,
    volumes,
)

if TYPE_CHECKING:
    from collections.abc import Callable

FIELDS: dict[str, Callable[..., Any]] = {
    **accounts.FIELDS,
    **backups.FIELDS,
    **config.FIELDS,
    **deployments.FIELDS,
    **domains.FIELDS,
    **environments.FIELDS,
    **projects.FIELDS,
    **services.FIELDS,
    **sources.FIELDS,
    **variables.FIELDS,
    **volumes.FIELDS,
}
