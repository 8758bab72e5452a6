"""Every GraphQL document that we send, one per operation. Operations that only wait have names ending in
`Poll`.

Refuses to build a query from strings at run time: what is here is validated, word for word, against Railway's
schema by a test.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal


@dataclass(frozen=True, kw_only=True)
class Document:
    """One operation.

    Args:
        name: the operation name; counted and shown.
        text: the GraphQL text.
        kind: query or mutation.
        repeatable: for a mutation, whether sending it twice leaves the same as sending it once.
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

_ENVIRONMENT = """
fragment EnvironmentParts on Environment {
  id name projectId deletedAt
  serviceInstances(first: 100, after: $instancesAfter) {
    edges { node {
      id serviceId serviceName deletedAt
      source { repo image } rootDirectory railwayConfigFile dockerfilePath builder nixpacksPlan
      buildCommand startCommand preDeployCommand watchPatterns
      healthcheckPath healthcheckTimeout restartPolicyType restartPolicyMaxRetries
      numReplicas region sleepApplication cronSchedule overlapSeconds drainingSeconds ipv6EgressEnabled
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


def _query(name: str, text: str) -> Document:
    return Document(name=name, text=text.strip(), kind="query")


def _write(name: str, text: str, *, repeatable: bool) -> Document:
    return Document(name=name, text=text.strip(), kind="mutation", repeatable=repeatable)


# ---- Looking

SNAPSHOT_READ: Final = _query(
    "SnapshotRead",
    f"""
query SnapshotRead($projectId: String!, $environmentId: String!, {_CURSORS}) {{
  project(id: $projectId) {{ ...ProjectParts }}
  environment(id: $environmentId, projectId: $projectId) {{
    ...EnvironmentParts config(decryptVariables: true)
  }}
}}
{_PROJECT}{_ENVIRONMENT}{_DEPLOYMENT}""",
)
"""Everything that any field's drift needs, in one request; further pages by cursor."""

SNAPSHOT_READ_WITHOUT_CONFIG: Final = _query(
    "SnapshotReadWithoutConfig",
    f"""
query SnapshotReadWithoutConfig($projectId: String!, $environmentId: String!, {_CURSORS}) {{
  project(id: $projectId) {{ ...ProjectParts }}
  environment(id: $environmentId, projectId: $projectId) {{ ...EnvironmentParts }}
}}
{_PROJECT}{_ENVIRONMENT}{_DEPLOYMENT}""",
)
"""For a token that may not read the environment's config with its variables."""

PROJECT_READ: Final = _query(
    "ProjectRead",
    f"""
query ProjectRead($projectId: String!, $environmentsAfter: String, $servicesAfter: String, $volumesAfter:
String) {{
  project(id: $projectId) {{ ...ProjectParts }}
}}
{_PROJECT}""",
)

PROJECTS_FIND: Final = _query(
    "ProjectsFind",
    """
query ProjectsFind($workspaceId: String!, $after: String) {
  projects(workspaceId: $workspaceId, first: 100, after: $after, includeDeleted: false) {
    edges { node { id name description deletedAt } }
    pageInfo { hasNextPage endCursor }
  }
}
""",
)

ENVIRONMENTS_READ: Final = _query(
    "EnvironmentsRead",
    """
query EnvironmentsRead($projectId: String!, $after: String) {
  project(id: $projectId) {
    environments(first: 100, after: $after) {
      edges { node { id name deletedAt sourceEnvironment { id } } } pageInfo { hasNextPage endCursor }
    }
  }
}
""",
)
"""Which environments are forks; apart from the other reads, as a token may not see the source of a fork."""

TOKEN_WORKSPACES: Final = _query(
    "TokenWorkspaces", "query TokenWorkspaces { apiToken { workspaces { id name } } }"
)

SERVICE_READ: Final = _query(
    "ServiceRead", "query ServiceRead($id: String!) { service(id: $id) { id name projectId deletedAt } }"
)
"""Asked only when a service is not in the list where it should be: to have it said in so many words."""

VARIABLES_READ: Final = _query(
    "VariablesRead",
    """
query VariablesRead($projectId: String!, $environmentId: String!, $serviceId: String) {
  variables(projectId: $projectId, environmentId: $environmentId, serviceId: $serviceId, unrendered: true)
}
""",
)

TCP_PROXIES_READ: Final = _query(
    "TcpProxiesRead",
    """
query TcpProxiesRead($environmentId: String!, $serviceId: String!) {
  tcpProxies(environmentId: $environmentId, serviceId: $serviceId) {
    id applicationPort proxyPort domain deletedAt syncStatus
  }
}
""",
)

BACKUP_SCHEDULES_READ: Final = _query(
    "BackupSchedulesRead",
    """
query BackupSchedulesRead($volumeInstanceId: String!) {
  volumeInstanceBackupScheduleList(volumeInstanceId: $volumeInstanceId) { id kind }
}
""",
)

LIMITS_READ: Final = _query(
    "LimitsRead",
    """
query LimitsRead($environmentId: String!, $serviceId: String!) {
  serviceInstanceLimitOverride(environmentId: $environmentId, serviceId: $serviceId)
}
""",
)

DEPLOYMENT_EVENTS_READ: Final = _query(
    "DeploymentEventsRead",
    """
query DeploymentEventsRead($id: String!) {
  deploymentEvents(id: $id, first: 50) {
    edges { node { id step createdAt completedAt payload { error reason detail skipped } } }
  }
}
""",
)

# ---- Waiting

INSTANCE_POLL: Final = _query(
    "InstancePoll",
    """
query InstancePoll($projectId: String!, $environmentId: String!, $after: String) {
  environment(id: $environmentId, projectId: $projectId) {
    serviceInstances(first: 100, after: $after) {
      edges { node { id serviceId deletedAt } } pageInfo { hasNextPage endCursor }
    }
  }
}
""",
)

VOLUME_POLL: Final = _query(
    "VolumePoll",
    """
query VolumePoll($projectId: String!, $environmentId: String!, $after: String) {
  environment(id: $environmentId, projectId: $projectId) {
    volumeInstances(first: 100, after: $after) {
      edges { node {
        id volumeId serviceId mountPath region sizeMB state deletedAt isPendingDeletion volume { id name }
      } }
      pageInfo { hasNextPage endCursor }
    }
  }
}
""",
)

LATEST_DEPLOYMENT_POLL: Final = _query(
    "LatestDeploymentPoll",
    f"""
query LatestDeploymentPoll($projectId: String!, $environmentId: String!, $serviceId: String!) {{
  deployments(
    first: 20, input: {{projectId: $projectId, environmentId: $environmentId, serviceId: $serviceId}}
  ) {{
    edges {{ node {{ ...DeploymentParts }} }}
  }}
}}
{_DEPLOYMENT}""",
)

DEPLOYMENT_POLL: Final = _query(
    "DeploymentPoll",
    f"query DeploymentPoll($id: String!) {{ deployment(id: $id) {{ ...DeploymentParts }} }}\n{_DEPLOYMENT}",
)

LOGS_POLL: Final = _query(
    "LogsPoll",
    """
query LogsPoll($id: String!, $limit: Int, $filter: String) {
  deploymentLogs(deploymentId: $id, limit: $limit, filter: $filter) { timestamp message severity }
}
""",
)

BUILD_LOGS_POLL: Final = _query(
    "BuildLogsPoll",
    """
query BuildLogsPoll($id: String!, $limit: Int) {
  buildLogs(deploymentId: $id, limit: $limit) { timestamp message severity }
}
""",
)

RENDERED_VARIABLES_READ: Final = _query(
    "RenderedVariablesRead",
    """
query RenderedVariablesRead($projectId: String!, $environmentId: String!, $serviceId: String!) {
  variablesForServiceDeployment(projectId: $projectId, environmentId: $environmentId, serviceId: $serviceId)
}
""",
)
"""Asked only before log lines are shown: what `${{references}}` stand for must be taken out of them too."""

# ---- Writing. `repeatable`: sent twice, it leaves the same as sent once.

PROJECT_CREATE: Final = _write(
    "ProjectCreate",
    f"""
mutation ProjectCreate(
  $input: ProjectCreateInput!, $environmentsAfter: String, $servicesAfter: String, $volumesAfter: String
) {{
  projectCreate(input: $input) {{ ...ProjectParts }}
}}
{_PROJECT}""",
    repeatable=False,
)
PROJECT_UPDATE: Final = _write(
    "ProjectUpdate",
    """
mutation ProjectUpdate($id: String!, $input: ProjectUpdateInput!) {
  projectUpdate(id: $id, input: $input) { id name description }
}
""",
    repeatable=True,
)
PROJECT_DELETE: Final = _write(
    "ProjectDelete", "mutation ProjectDelete($id: String!) { projectDelete(id: $id) }", repeatable=True
)
"""Now, and only an empty one. A project that is to be deleted in 48 hours would still be found by its
mark: the next `up` would build production inside it."""

ENVIRONMENT_CREATE: Final = _write(
    "EnvironmentCreate",
    """
mutation EnvironmentCreate($input: EnvironmentCreateInput!) {
  environmentCreate(input: $input) { id name projectId }
}
""",
    repeatable=False,
)
ENVIRONMENT_RENAME: Final = _write(
    "EnvironmentRename",
    """
mutation EnvironmentRename($id: String!, $input: EnvironmentRenameInput!) {
  environmentRename(id: $id, input: $input) { id name }
}
""",
    repeatable=True,
)
ENVIRONMENT_DELETE: Final = _write(
    "EnvironmentDelete",
    "mutation EnvironmentDelete($id: String!) { environmentDelete(id: $id) }",
    repeatable=True,
)

SERVICE_CREATE: Final = _write(
    "ServiceCreate",
    """
mutation ServiceCreate($input: ServiceCreateInput!) {
  serviceCreate(input: $input) { id name projectId }
}
""",
    repeatable=False,
)
SERVICE_UPDATE: Final = _write(
    "ServiceUpdate",
    """
mutation ServiceUpdate($id: String!, $input: ServiceUpdateInput!) {
  serviceUpdate(id: $id, input: $input) { id name }
}
""",
    repeatable=True,
)
SERVICE_DELETE: Final = _write(
    "ServiceDelete",
    """
mutation ServiceDelete($id: String!, $environmentId: String) {
  serviceDelete(id: $id, environmentId: $environmentId)
}
""",
    repeatable=True,
)
INSTANCE_UPDATE: Final = _write(
    "ServiceInstanceUpdate",
    """
mutation ServiceInstanceUpdate(
  $serviceId: String!, $environmentId: String!, $input: ServiceInstanceUpdateInput!
) {
  serviceInstanceUpdate(serviceId: $serviceId, environmentId: $environmentId, input: $input)
}
""",
    repeatable=True,
)
LIMITS_UPDATE: Final = _write(
    "ServiceLimitsUpdate",
    """
mutation ServiceLimitsUpdate($input: ServiceInstanceLimitsUpdateInput!) {
  serviceInstanceLimitsUpdate(input: $input)
}
""",
    repeatable=True,
)

TRIGGER_CREATE: Final = _write(
    "TriggerCreate",
    """
mutation TriggerCreate($input: DeploymentTriggerCreateInput!) {
  deploymentTriggerCreate(input: $input) { id serviceId provider repository branch checkSuites }
}
""",
    repeatable=False,
)
TRIGGER_UPDATE: Final = _write(
    "TriggerUpdate",
    """
mutation TriggerUpdate($id: String!, $input: DeploymentTriggerUpdateInput!) {
  deploymentTriggerUpdate(id: $id, input: $input) { id serviceId provider repository branch checkSuites }
}
""",
    repeatable=True,
)
TRIGGER_DELETE: Final = _write(
    "TriggerDelete",
    "mutation TriggerDelete($id: String!) { deploymentTriggerDelete(id: $id) }",
    repeatable=True,
)

VOLUME_CREATE: Final = _write(
    "VolumeCreate",
    "mutation VolumeCreate($input: VolumeCreateInput!) { volumeCreate(input: $input) { id name } }",
    repeatable=False,
)
VOLUME_RENAME: Final = _write(
    "VolumeRename",
    """
mutation VolumeRename($volumeId: String!, $input: VolumeUpdateInput!) {
  volumeUpdate(volumeId: $volumeId, input: $input) { id name }
}
""",
    repeatable=True,
)
VOLUME_MOUNT: Final = _write(
    "VolumeMount",
    """
mutation VolumeMount($volumeId: String!, $environmentId: String!, $input: VolumeInstanceUpdateInput!) {
  volumeInstanceUpdate(volumeId: $volumeId, environmentId: $environmentId, input: $input)
}
""",
    repeatable=True,
)
VOLUME_DELETE: Final = _write(
    "VolumeDelete",
    "mutation VolumeDelete($volumeId: String!) { volumeDelete(volumeId: $volumeId) }",
    repeatable=True,
)
CONFIG_PATCH: Final = _write(
    "ConfigPatch",
    """
mutation ConfigPatch($environmentId: String!, $patch: EnvironmentConfig!, $message: String) {
  environmentPatchCommit(environmentId: $environmentId, patch: $patch, commitMessage: $message)
}
""",
    repeatable=True,
)
"""An equal patch is a silent no-op; the only public way to a volume's size."""

BACKUP_SCHEDULE_UPDATE: Final = _write(
    "BackupScheduleUpdate",
    """
mutation BackupScheduleUpdate($volumeInstanceId: String!, $kinds: [VolumeInstanceBackupScheduleKind!]!) {
  volumeInstanceBackupScheduleUpdate(volumeInstanceId: $volumeInstanceId, kinds: $kinds)
}
""",
    repeatable=True,
)

VARIABLES_WRITE: Final = _write(
    "VariablesWrite",
    """
mutation VariablesWrite($input: VariableCollectionUpsertInput!) { variableCollectionUpsert(input: $input) }
""",
    repeatable=True,
)

DOMAIN_CREATE: Final = _write(
    "DomainCreate",
    """
mutation DomainCreate($input: ServiceDomainCreateInput!) {
  serviceDomainCreate(input: $input) { id domain suffix targetPort syncStatus deletedAt }
}
""",
    repeatable=False,
)
DOMAIN_UPDATE: Final = _write(
    "DomainUpdate",
    "mutation DomainUpdate($input: ServiceDomainUpdateInput!) { serviceDomainUpdate(input: $input) }",
    repeatable=True,
)
DOMAIN_DELETE: Final = _write(
    "DomainDelete",
    "mutation DomainDelete($id: String!) { serviceDomainDelete(id: $id) }",
    repeatable=True,
)
CUSTOM_DOMAIN_CREATE: Final = _write(
    "CustomDomainCreate",
    """
mutation CustomDomainCreate($input: CustomDomainCreateInput!) {
  customDomainCreate(input: $input) {
    id domain targetPort syncStatus deletedAt
    status { verified verificationDnsHost verificationToken certificateStatus
      dnsRecords { fqdn recordType requiredValue currentValue purpose status } }
  }
}
""",
    repeatable=False,
)
CUSTOM_DOMAIN_UPDATE: Final = _write(
    "CustomDomainUpdate",
    """
mutation CustomDomainUpdate($id: String!, $environmentId: String!, $targetPort: Int) {
  customDomainUpdate(id: $id, environmentId: $environmentId, targetPort: $targetPort)
}
""",
    repeatable=True,
)
CUSTOM_DOMAIN_DELETE: Final = _write(
    "CustomDomainDelete",
    "mutation CustomDomainDelete($id: String!) { customDomainDelete(id: $id) }",
    repeatable=True,
)
TCP_PROXY_CREATE: Final = _write(
    "TcpProxyCreate",
    """
mutation TcpProxyCreate($input: TCPProxyCreateInput!) {
  tcpProxyCreate(input: $input) { id applicationPort proxyPort domain deletedAt syncStatus }
}
""",
    repeatable=False,
)
TCP_PROXY_DELETE: Final = _write(
    "TcpProxyDelete",
    "mutation TcpProxyDelete($id: String!) { tcpProxyDelete(id: $id) }",
    repeatable=True,
)

DEPLOY_LATEST: Final = _write(
    "DeployLatest",
    """
mutation DeployLatest($environmentId: String!, $serviceId: String!) {
  serviceInstanceDeploy(environmentId: $environmentId, serviceId: $serviceId, latestCommit: true)
}
""",
    repeatable=False,
)
"""The newest commit of the branch. `serviceInstanceDeployV2` without a commit takes the one already known."""

DEPLOY_KNOWN: Final = _write(
    "DeployKnown",
    """
mutation DeployKnown($environmentId: String!, $serviceId: String!) {
  serviceInstanceDeployV2(environmentId: $environmentId, serviceId: $serviceId)
}
""",
    repeatable=False,
)
"""For an image, and where Railway refuses to look for the newest commit."""

ROLLBACK: Final = _write(
    "Rollback", "mutation Rollback($id: String!) { deploymentRollback(id: $id) }", repeatable=False
)

ALL: Final[tuple[Document, ...]] = tuple(
    value for name, value in sorted(globals().items()) if name.isupper() and isinstance(value, Document)
)
"""Every document, for the tests."""
