"""Railway as Pulumi resources: dynamic providers for Railway's GraphQL API. See README.md for how to use
them.

The package imports nothing of the program that uses it. Each resource sends at most one mutation that is not
idempotent, because a dynamic provider cannot report a partly created object; the next `up` finds and
completes what an interrupted one left.
"""

from railway.adoption import Adoption, AdoptionArgs
from railway.args import ConfigKeys
from railway.backup_schedule import VolumeBackupSchedule, VolumeBackupScheduleArgs
from railway.custom_domain import CustomDomain, CustomDomainArgs
from railway.deployment import Deployment, DeploymentArgs
from railway.environment import Environment, EnvironmentArgs
from railway.project import Project, ProjectArgs
from railway.service import Service, ServiceArgs
from railway.service_domain import ServiceDomain, ServiceDomainArgs
from railway.service_limits import ServiceLimits, ServiceLimitsArgs
from railway.service_settings import ServiceSettings
from railway.settings_table import ServiceSettingsArgs
from railway.shared_variables import SharedVariables, SharedVariablesArgs
from railway.tcp_proxy import TcpProxy, TcpProxyArgs
from railway.variables import Variables, VariablesArgs
from railway.volume import Volume, VolumeArgs

__all__ = [
    "Adoption",
    "AdoptionArgs",
    "ConfigKeys",
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
