"""The functions behind Railway's fields, one file per concern.

A function takes (source, call, **arguments in snake_case) and means what the field behind which it stands
means; it has a docstring where the field does something that its name does not say.

Refuses to register by side effect: each file has a `FIELDS` table, and they are joined here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.railway.resolvers import (
    accounts,
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
