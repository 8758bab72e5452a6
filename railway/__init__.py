"""Railway as Pulumi resources: dynamic providers for Railway's GraphQL API.

Importing this package does nothing but define names; it imports nothing from `components`. Refuses to
know this program's settings: what it needs comes as Args, credentials come from the environment or the
stack's config.

One resource makes at most one thing that cannot be made twice, because a dynamic provider cannot report a
half-made object; whatever is half done is found and completed by the next `up`.
"""

from railway.adoption import Adoption, AdoptionArgs
from railway.backup_schedule import VolumeBackupSchedule, VolumeBackupScheduleArgs
from railway.custom_domain import CustomDomain, CustomDomainArgs
from railway.deployment import Deployment, DeploymentArgs
from railway.environment import Environment, EnvironmentArgs
from railway.project import Project, ProjectArgs
from railway.service import Service, ServiceArgs
from railway.service_domain import ServiceDomain, ServiceDomainArgs
from railway.service_limits import ServiceLimits, ServiceLimitsArgs
from railway.service_settings import ServiceSettings, ServiceSettingsArgs
from railway.shared_variables import SharedVariables, SharedVariablesArgs
from railway.tcp_proxy import TcpProxy, TcpProxyArgs
from railway.variables import Variables, VariablesArgs
from railway.volume import Volume, VolumeArgs

__all__ = [
    "Adoption",
    "AdoptionArgs",
    "CustomDomain",
    "CustomDomainArgs",
    "Deployment",
    "DeploymentArgs",
    "Environment",
    "EnvironmentArgs",
    "Project",
    "ProjectArgs",
    "Service",
    "ServiceArgs",
    "ServiceDomain",
    "ServiceDomainArgs",
    "ServiceLimits",
    "ServiceLimitsArgs",
    "ServiceSettings",
    "ServiceSettingsArgs",
    "SharedVariables",
    "SharedVariablesArgs",
    "TcpProxy",
    "TcpProxyArgs",
    "Variables",
    "VariablesArgs",
    "Volume",
    "VolumeArgs",
    "VolumeBackupSchedule",
    "VolumeBackupScheduleArgs",
]
