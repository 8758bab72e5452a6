"""npm in the container: with the cache, the registry and the proxy of this machine."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from sandbox.railway.running.container import HOME, Container, Mount

_PASSED_ON = ("http_proxy", "https_proxy", "no_proxy", "node_extra_ca_certs")


def install_container(container: Container) -> Container:
    """Return a container in which npm finds its cache and its settings."""
    home = Path.home()
    cache = Path(os.environ.get("npm_config_cache", home / ".npm"))  # noqa: SIM112 - npm's own spelling
    mounts = [Mount(path=f"{HOME}/.npm", folder=cache)] if cache.is_dir() else []
    settings = home / ".npmrc"
    if settings.is_file():
        mounts.append(Mount(path=f"{HOME}/.npmrc", folder=settings))
    return replace(container, mounts=tuple(mounts))


def install_variables() -> dict[str, str]:
    """Return the variables of a build: a build needs the packages for development too."""
    passed = {
        name: value
        for name, value in os.environ.items()
        if name.lower() in _PASSED_ON or name.lower().startswith("npm_config_")
    }
    return {**passed, "npm_config_cache": f"{HOME}/.npm", "npm_config_include": "dev", "CI": "true"}
