"""All GraphQL documents, one per operation. The names of operations that are polled end in `Poll`.

The documents are constants, and a test validates them against Railway's schema. The fields of a service's
settings come from `settings_table`, once, at import.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from railway.settings_table import SETTINGS


@dataclass(frozen=True, kw_only=True)
class Document:
    """One operation.

    Args:
        name: the name of the operation, for messages.
        text: the GraphQL text.
        kind: query or mutation.
        repeatable: whether a mutation is idempotent.
    """

    name: str
    text: str
    kind: Literal["query", "mutation"]
    repeatable: bool = False


_DEPLOYMENT = """
fragment DeploymentParts on Deployment {
  id status createdAt meta deploymentStopped
}
"""

_PROJECT = """
fragment ProjectParts on Project {
  id name description deletedAt workspaceId primaryEnvironmentId
  environments(first: 50, isEphemeral: false, after: $environmentsAfter) {
    edges { node { id name deletedAt } } pageInfo { hasNextPage endCursor }
  }
  services(first: 100, after: $servicesAfter) {
    edges { node { id name deletedAt } } pageInfo { hasNextPage endCursor }
  }
  volumes(first: 100, after: $volumesAfter) {
    edges { node { id name } } pageInfo { hasNextPage endCursor }
  }
}
"""

_SETTINGS = f"""
fragment SettingParts on ServiceInstance {{
  source {{ repo image }} {" ".join(row.input for row in SETTINGS if row.readable)}
}}
"""
"""Every readable setting, from the table."""

_ENVIRONMENT = """
fragment EnvironmentParts on Environment {
  id name projectId deletedAt
  serviceInstances(first: 100, after: $instancesAfter) {
    edges { node {
      id serviceId serviceName deletedAt
      ...SettingParts
      domains {
        serviceDomains { id domain suffix targetPort syncStatus deletedAt }
        customDomains {
          id domain targetPort syncStatus deletedAt
          status { verified verificationDnsHost verificationToken certificateStatus
            dnsRecords { fqdn recordType requiredValue currentValue purpose status } }
        }
      }
      latestDeployment { ...DeploymentParts }
      activeDeployments { id status createdAt }
    } }
    pageInfo { hasNextPage endCursor }
  }
  volumeInstances(first: 100, after: $volumeInstancesAfter) {
    edges { node {
      id volumeId serviceId mountPath region sizeMB state deletedAt isPendingDeletion volume { id name }
    } }
    pageInfo { hasNextPage endCursor }
  }
  deploymentTriggers(first: 100, after: $triggersAfter) {
    edges { node { id serviceId provider repository branch checkSuites } }
    pageInfo { hasNextPage endCursor }
  }
}
"""

_CURSORS = (
    "$environmentsAfter: String, $servicesAfter: String, $volumesAfter: String, $instancesAfter: String, "
    "$volumeInstancesAfter: String, $triggersAfter: String"
)


def _query(text: str) -> Document:
    return Document(name=_name(text), text=text.strip(), kind="query")


def _mutation(text: str, *, repeatable: bool) -> Document:
    return Document(name=_name(text), text=text.strip(), kind="mutation", repeatable=repeatable)


def _name(text: str) -> str:
    return text.split()[1].partition("(")[0]


# ---- Reading

SNAPSHOT_READ: Final = _query(
    f"""query SnapshotRead($projectId: String!, $environmentId: String!, {_CURSORS}) {{
  project(id: $projectId) {{ ...ProjectParts }}
  environment(id: $environmentId, projectId: $projectId) {{
    ...EnvironmentParts config(decryptVariables: true)
  }}
}}
{_PROJECT}{_ENVIRONMENT}{_SETTINGS}{_DEPLOYMENT}"""
)
"""Everything that is needed to detect drift, in one request per page."""

SNAPSHOT_READ_WITHOUT_CONFIG: Final = _query(
    f"""query SnapshotReadWithoutConfig($projectId: String!, $environmentId: String!, {_CURSORS}) {{
  project(id: $projectId) {{ ...ProjectParts }}
  environment(id: $environmentId, projectId: $projectId) {{ ...EnvironmentParts }}
}}
{_PROJECT}{_ENVIRONMENT}{_SETTINGS}{_DEPLOYMENT}"""
)
"""For a token that cannot read the environment's config, which contains the variables."""

PROJECT_READ: Final = _query(
    f"""
query ProjectRead($projectId: String!, $environmentsAfter: String, $servicesAfter: String, $volumesAfter:
String) {{
  project(id: $projectId) {{ ...ProjectParts }}
}}
{_PROJECT}"""
)

PROJECTS_FIND: Final = _query(
    """query ProjectsFind($workspaceId: String!, $after: String) {
  projects(workspaceId: $workspaceId, first: 100, after: $after, includeDeleted: false) {
    edges { node { id name description deletedAt } }
    pageInfo { hasNextPage endCursor }
  }
}
"""
)

ENVIRONMENTS_READ: Final = _query(
    """query EnvironmentsRead($projectId: String!, $after: String) {
  project(id: $projectId) {
    environments(first: 100, after: $after) {
      edges { node { id name deletedAt sourceEnvironment { id } } } pageInfo { hasNextPage endCursor }
    }
  }
}
"""
)
"""Apart from the other reads, because a token may not be allowed to read the source of a fork."""

TOKEN_WORKSPACES: Final = _query("query TokenWorkspaces { apiToken { workspaces { id name } } }")

SERVICE_READ: Final = _query(
    "query ServiceRead($id: String!) { service(id: $id) { id name projectId deletedAt } }"
)
"""Sent only when a service is missing in the list, to find out whether it is deleted."""

VARIABLES_READ: Final = _query(
    """query VariablesRead($projectId: String!, $environmentId: String!, $serviceId: String) {
  variables(projectId: $projectId, environmentId: $environmentId, serviceId: $serviceId, unrendered: true)
}
"""
)

TCP_PROXIES_READ: Final = _query(
    """query TcpProxiesRead($environmentId: String!, $serviceId: String!) {
  tcpProxies(environmentId: $environmentId, serviceId: $serviceId) {
    id applicationPort proxyPort domain deletedAt syncStatus
  }
}
"""
)

BACKUP_SCHEDULES_READ: Final = _query(
    """query BackupSchedulesRead($volumeInstanceId: String!) {
  volumeInstanceBackupScheduleList(volumeInstanceId: $volumeInstanceId) { id kind }
}
"""
)

LIMITS_READ: Final = _query(
    """query LimitsRead($environmentId: String!, $serviceId: String!) {
  serviceInstanceLimitOverride(environmentId: $environmentId, serviceId: $serviceId)
}
"""
)

DEPLOYMENT_EVENTS_READ: Final = _query(
    """query DeploymentEventsRead($id: String!) {
  deploymentEvents(id: $id, first: 50) {
    edges { node { id step createdAt completedAt payload { error reason detail skipped } } }
  }
}
"""
)

# ---- Polling

INSTANCE_POLL: Final = _query(
    """query InstancePoll($projectId: String!, $environmentId: String!, $after: String) {
  environment(id: $environmentId, projectId: $projectId) {
    serviceInstances(first: 100, after: $after) {
      edges { node { id serviceId deletedAt } } pageInfo { hasNextPage endCursor }
    }
  }
}
"""
)

VOLUME_POLL: Final = _query(
    """query VolumePoll($projectId: String!, $environmentId: String!, $after: String) {
  environment(id: $environmentId, projectId: $projectId) {
    volumeInstances(first: 100, after: $after) {
      edges { node {
        id volumeId serviceId mountPath region sizeMB state deletedAt isPendingDeletion volume { id name }
      } }
      pageInfo { hasNextPage endCursor }
    }
  }
}
"""
)

LATEST_DEPLOYMENT_POLL: Final = _query(
    f"""query LatestDeploymentPoll($projectId: String!, $environmentId: String!, $serviceId: String!) {{
  deployments(
    first: 20, input: {{projectId: $projectId, environmentId: $environmentId, serviceId: $serviceId}}
  ) {{
    edges {{ node {{ ...DeploymentParts }} }}
  }}
}}
{_DEPLOYMENT}"""
)

DEPLOYMENT_POLL: Final = _query(
    f"query DeploymentPoll($id: String!) {{ deployment(id: $id) {{ ...DeploymentParts }} }}\n{_DEPLOYMENT}"
)

LOGS_POLL: Final = _query(
    """query LogsPoll($id: String!, $limit: Int, $filter: String) {
  deploymentLogs(deploymentId: $id, limit: $limit, filter: $filter) { timestamp message severity }
}
"""
)

BUILD_LOGS_POLL: Final = _query(
    """query BuildLogsPoll($id: String!, $limit: Int) {
  buildLogs(deploymentId: $id, limit: $limit) { timestamp message severity }
}
"""
)

RENDERED_VARIABLES_READ: Final = _query(
    """query RenderedVariablesRead($projectId: String!, $environmentId: String!, $serviceId: String!) {
  variablesForServiceDeployment(projectId: $projectId, environmentId: $environmentId, serviceId: $serviceId)
}
"""
)
"""Sent only before log lines are shown: the values of `${{references}}` must be removed from them too."""

# ---- Writing

PROJECT_CREATE: Final = _mutation(
    f"""mutation ProjectCreate(
  $input: ProjectCreateInput!, $environmentsAfter: String, $servicesAfter: String, $volumesAfter: String
) {{
  projectCreate(input: $input) {{ ...ProjectParts }}
}}
{_PROJECT}""",
    repeatable=False,
)
PROJECT_UPDATE: Final = _mutation(
    """mutation ProjectUpdate($id: String!, $input: ProjectUpdateInput!) {
  projectUpdate(id: $id, input: $input) { id name description }
}
""",
    repeatable=True,
)
PROJECT_DELETE: Final = _mutation(
    "mutation ProjectDelete($id: String!) { projectDelete(id: $id) }", repeatable=True
)
"""Deletes at once. A project that Railway deletes after 48 hours would still be found by its marker, and the
next `up` would use it."""

ENVIRONMENT_CREATE: Final = _mutation(
    """mutation EnvironmentCreate($input: EnvironmentCreateInput!) {
  environmentCreate(input: $input) { id name projectId }
}
""",
    repeatable=False,
)
ENVIRONMENT_RENAME: Final = _mutation(
    """mutation EnvironmentRename($id: String!, $input: EnvironmentRenameInput!) {
  environmentRename(id: $id, input: $input) { id name }
}
""",
    repeatable=True,
)
ENVIRONMENT_DELETE: Final = _mutation(
    "mutation EnvironmentDelete($id: String!) { environmentDelete(id: $id) }", repeatable=True
)

SERVICE_CREATE: Final = _mutation(
    """mutation ServiceCreate($input: ServiceCreateInput!) {
  serviceCreate(input: $input) { id name projectId }
}
""",
    repeatable=False,
)
SERVICE_UPDATE: Final = _mutation(
    """mutation ServiceUpdate($id: String!, $input: ServiceUpdateInput!) {
  serviceUpdate(id: $id, input: $input) { id name }
}
""",
    repeatable=True,
)
SERVICE_DELETE: Final = _mutation(
    """mutation ServiceDelete($id: String!, $environmentId: String) {
  serviceDelete(id: $id, environmentId: $environmentId)
}
""",
    repeatable=True,
)
INSTANCE_UPDATE: Final = _mutation(
    """mutation ServiceInstanceUpdate(
  $serviceId: String!, $environmentId: String!, $input: ServiceInstanceUpdateInput!
) {
  serviceInstanceUpdate(serviceId: $serviceId, environmentId: $environmentId, input: $input)
}
""",
    repeatable=True,
)
LIMITS_UPDATE: Final = _mutation(
    """mutation ServiceLimitsUpdate($input: ServiceInstanceLimitsUpdateInput!) {
  serviceInstanceLimitsUpdate(input: $input)
}
""",
    repeatable=True,
)

TRIGGER_CREATE: Final = _mutation(
    """mutation TriggerCreate($input: DeploymentTriggerCreateInput!) {
  deploymentTriggerCreate(input: $input) { id serviceId provider repository branch checkSuites }
}
""",
    repeatable=False,
)
TRIGGER_UPDATE: Final = _mutation(
    """mutation TriggerUpdate($id: String!, $input: DeploymentTriggerUpdateInput!) {
  deploymentTriggerUpdate(id: $id, input: $input) { id serviceId provider repository branch checkSuites }
}
""",
    repeatable=True,
)
TRIGGER_DELETE: Final = _mutation(
    "mutation TriggerDelete($id: String!) { deploymentTriggerDelete(id: $id) }", repeatable=True
)

VOLUME_CREATE: Final = _mutation(
    "mutation VolumeCreate($input: VolumeCreateInput!) { volumeCreate(input: $input) { id name } }",
    repeatable=False,
)
VOLUME_RENAME: Final = _mutation(
    """mutation VolumeRename($volumeId: String!, $input: VolumeUpdateInput!) {
  volumeUpdate(volumeId: $volumeId, input: $input) { id name }
}
""",
    repeatable=True,
)
VOLUME_MOUNT: Final = _mutation(
    """mutation VolumeMount($volumeId: String!, $environmentId: String!, $input: VolumeInstanceUpdateInput!) {
  volumeInstanceUpdate(volumeId: $volumeId, environmentId: $environmentId, input: $input)
}
""",
    repeatable=True,
)
VOLUME_DELETE: Final = _mutation(
    "mutation VolumeDelete($volumeId: String!) { volumeDelete(volumeId: $volumeId) }", repeatable=True
)
CONFIG_PATCH: Final = _mutation(
    """mutation ConfigPatch($environmentId: String!, $patch: EnvironmentConfig!, $message: String) {
  environmentPatchCommit(environmentId: $environmentId, patch: $patch, commitMessage: $message)
}
""",
    repeatable=True,
)
"""The only public way to change the size of a volume. An equal patch has no effect."""

BACKUP_SCHEDULE_UPDATE: Final = _mutation(
    """
mutation BackupScheduleUpdate($volumeInstanceId: String!, $kinds: [VolumeInstanceBackupScheduleKind!]!) {
  volumeInstanceBackupScheduleUpdate(volumeInstanceId: $volumeInstanceId, kinds: $kinds)
}
""",
    repeatable=True,
)

VARIABLES_WRITE: Final = _mutation(
    """
mutation VariablesWrite($input: VariableCollectionUpsertInput!) { variableCollectionUpsert(input: $input) }
""",
    repeatable=True,
)

DOMAIN_CREATE: Final = _mutation(
    """mutation DomainCreate($input: ServiceDomainCreateInput!) {
  serviceDomainCreate(input: $input) { id domain suffix targetPort syncStatus deletedAt }
}
""",
    repeatable=False,
)
DOMAIN_UPDATE: Final = _mutation(
    "mutation DomainUpdate($input: ServiceDomainUpdateInput!) { serviceDomainUpdate(input: $input) }",
    repeatable=True,
)
DOMAIN_DELETE: Final = _mutation(
    "mutation DomainDelete($id: String!) { serviceDomainDelete(id: $id) }", repeatable=True
)
CUSTOM_DOMAIN_CREATE: Final = _mutation(
    """mutation CustomDomainCreate($input: CustomDomainCreateInput!) {
  customDomainCreate(input: $input) {
    id domain targetPort syncStatus deletedAt
    status { verified verificationDnsHost verificationToken certificateStatus
      dnsRecords { fqdn recordType requiredValue currentValue purpose status } }
  }
}
""",
    repeatable=False,
)
CUSTOM_DOMAIN_UPDATE: Final = _mutation(
    """mutation CustomDomainUpdate($id: String!, $environmentId: String!, $targetPort: Int) {
  customDomainUpdate(id: $id, environmentId: $environmentId, targetPort: $targetPort)
}
""",
    repeatable=True,
)
CUSTOM_DOMAIN_DELETE: Final = _mutation(
    "mutation CustomDomainDelete($id: String!) { customDomainDelete(id: $id) }", repeatable=True
)
TCP_PROXY_CREATE: Final = _mutation(
    """mutation TcpProxyCreate($input: TCPProxyCreateInput!) {
  tcpProxyCreate(input: $input) { id applicationPort proxyPort domain deletedAt syncStatus }
}
""",
    repeatable=False,
)
TCP_PROXY_DELETE: Final = _mutation(
    "mutation TcpProxyDelete($id: String!) { tcpProxyDelete(id: $id) }", repeatable=True
)

DEPLOY_LATEST: Final = _mutation(
    """mutation DeployLatest($environmentId: String!, $serviceId: String!) {
  serviceInstanceDeploy(environmentId: $environmentId, serviceId: $serviceId, latestCommit: true)
}
""",
    repeatable=False,
)
"""Deploys the newest commit of the branch; `serviceInstanceDeployV2` deploys the one that Railway knows."""

DEPLOY_KNOWN: Final = _mutation(
    """mutation DeployKnown($environmentId: String!, $serviceId: String!) {
  serviceInstanceDeployV2(environmentId: $environmentId, serviceId: $serviceId)
}
""",
    repeatable=False,
)
"""For an image, and where Railway rejects `DeployLatest`."""

ROLLBACK: Final = _mutation(
    "mutation Rollback($id: String!) { deploymentRollback(id: $id) }", repeatable=False
)

ALL: Final[tuple[Document, ...]] = tuple(
    value for name, value in sorted(globals().items()) if name.isupper() and isinstance(value, Document)
)
"""All documents, for the tests."""
