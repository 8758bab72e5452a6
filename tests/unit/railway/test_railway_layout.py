"""What must stay as it is: names in states, a cheap import, no name of a program."""

from __future__ import annotations

import base64
import re
import subprocess
import sys
from pathlib import Path

import pytest
from pulumi.dynamic.dynamic import serialize_provider

from railway.adoption import AdoptionProvider
from railway.backup_schedule import VolumeBackupScheduleProvider
from railway.custom_domain import CustomDomainProvider
from railway.deployment import DeploymentProvider
from railway.environment import EnvironmentProvider
from railway.project import ProjectProvider
from railway.provider import RailwayProvider
from railway.service import ServiceProvider
from railway.service_domain import ServiceDomainProvider
from railway.service_limits import ServiceLimitsProvider
from railway.service_settings import ServiceSettingsProvider
from railway.shared_variables import SharedVariablesProvider
from railway.tcp_proxy import TcpProxyProvider
from railway.variables import VariablesProvider
from railway.volume import VolumeProvider

pytestmark = pytest.mark.unit

ROOT = Path(__file__).parents[3]


PROVIDERS: tuple[type[RailwayProvider], ...] = (
    ProjectProvider,
    EnvironmentProvider,
    ServiceProvider,
    VolumeProvider,
    VariablesProvider,
    ServiceSettingsProvider,
    ServiceDomainProvider,
    DeploymentProvider,
    CustomDomainProvider,
    TcpProxyProvider,
    VolumeBackupScheduleProvider,
    SharedVariablesProvider,
    ServiceLimitsProvider,
    AdoptionProvider,
)

NAMES = {
    "railway.project.ProjectProvider",
    "railway.environment.EnvironmentProvider",
    "railway.service.ServiceProvider",
    "railway.volume.VolumeProvider",
    "railway.variables.VariablesProvider",
    "railway.service_settings.ServiceSettingsProvider",
    "railway.service_domain.ServiceDomainProvider",
    "railway.deployment.DeploymentProvider",
    "railway.custom_domain.CustomDomainProvider",
    "railway.tcp_proxy.TcpProxyProvider",
    "railway.backup_schedule.VolumeBackupScheduleProvider",
    "railway.shared_variables.SharedVariablesProvider",
    "railway.service_limits.ServiceLimitsProvider",
    "railway.adoption.AdoptionProvider",
}


def test_module_and_class_names_do_not_change() -> None:
    """They are in the state of every stack: renaming one breaks its refresh and its delete."""
    assert {f"{kind.__module__}.{kind.__qualname__}" for kind in PROVIDERS} == NAMES


@pytest.mark.parametrize("kind", PROVIDERS, ids=lambda kind: kind.__name__)
def test_a_pickle_contains_only_a_name(kind: type[RailwayProvider]) -> None:
    """By reference and without attributes: the same bytes whatever the code of the class is."""
    module, name = kind.__module__.encode(), kind.__name__.encode()
    body = (
        b"\x8c"
        + bytes([len(module)])
        + module
        + b"\x94\x8c"
        + bytes([len(name)])
        + name
        + b"\x94\x93\x94)\x81\x94."
    )
    expected = b"\x80\x04\x95" + len(body).to_bytes(8, "little") + body
    assert base64.b64decode(serialize_provider(kind())) == expected
    assert kind.serialize_as_secret_always is False


def test_importing_the_package_loads_no_http_library() -> None:
    """A preview sends no request, and should not pay for it."""
    script = (
        "import sys, pulumi, pulumi.dynamic; before = set(sys.modules); import railway;"
        "print([name for name in ('requests', 'urllib3', 'tenacity', 'pulumi_gcp', 'components')"
        " if name in set(sys.modules) - before])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


PACKAGE = ROOT / "railway"
PROGRAM = re.compile(r"whatsapp|allowNewVolume|sessions|firebase|\bcrm\b", re.IGNORECASE)


def test_the_package_names_no_program() -> None:
    """What its messages name is handed in, so that it serves any program."""
    found = {
        str(file.relative_to(ROOT)): match.group()
        for file in PACKAGE.rglob("*")
        if file.suffix in {".py", ".md", ".graphql"} and (match := PROGRAM.search(file.read_text()))
    }
    assert not found
