"""Neither backend nor functions get a role with which they could gain more rights or read all secrets."""

from __future__ import annotations

from dataclasses import replace

import pytest

from components.identities import TOKEN_CREATOR
from settings import privileged_roles, rules
from tests.bad_rows import Bad
from tests.components import world
from tests.components.conftest import Run
from tests.components.conftest import run as run_fixture
from tests.unit.conftest import stack as stack_fixture
from tests.unit.test_bad_settings import Stack, load

run, stack = run_fixture, stack_fixture

REFUSED = (
    "roles/owner", "roles/Owner", "roles/OWNER", "roles/editor", "roles/Editor",
    "roles/resourcemanager.projectIamAdmin", "roles/resourcemanager.folderIamAdmin",
    "roles/resourcemanager.projectMover", "roles/resourcemanager.organizationAdmin",
    "roles/ResourceManager.ProjectIAMAdmin",
    "roles/iam.serviceAccountTokenCreator", "roles/iam.serviceAccountOpenIdTokenCreator",
    "roles/iam.serviceAccountUser", "roles/iam.serviceAccountKeyAdmin", "roles/iam.serviceAccountAdmin",
    "roles/iam.serviceAccountCreator", "roles/iam.securityAdmin", "roles/iam.roleAdmin",
    "roles/iam.organizationRoleAdmin", "roles/iam.workloadIdentityUser",
    "roles/iam.workloadIdentityPoolAdmin",
    "roles/iam.denyAdmin", "roles/secretmanager.secretAccessor", "roles/secretmanager.admin",
    "roles/SecretManager.SecretAccessor", "roles/secretmanager.secretVersionManager",
    "roles/secretmanager.secretVersionAdder", "roles/cloudkms.cryptoKeyDecrypter", "roles/cloudkms.admin",
    "roles/cloudkms.cryptoKeyEncrypterDecrypter", "roles/deploymentmanager.editor",
    "roles/deploymentmanager.typeEditor", "roles/cloudbuild.builds.editor", "roles/cloudbuild.builds.builder",
    "roles/cloudfunctions.admin", "roles/cloudfunctions.developer", "roles/run.admin", "roles/run.developer",
    "roles/compute.admin", "roles/compute.instanceAdmin.v1", "roles/compute.osAdminLogin",
    "roles/appengine.appAdmin",
    "roles/appengine.deployer", "roles/container.admin", "roles/dataflow.developer", "roles/dataproc.editor",
    "roles/composer.admin", "roles/storage.hmacKeyAdmin", "roles/serviceusage.apiKeysAdmin",
    "roles/serviceusage.serviceUsageAdmin", "roles/orgpolicy.policyAdmin", "roles/firebaserules.admin",
    "roles/firebase.admin", "roles/firebase.developAdmin", "roles/firebase.sdkAdminServiceAgent",
    "roles/admin", "roles/Admin", "roles/writer", "roles/WRITER", "roles/somethingNew",
    "roles/storage.admin", "roles/run.jobsExecutorWithOverrides", "roles/privilegedaccessmanager.admin",
    "roles/iam.devOps", "roles/iam.principalAccessBoundaryAdmin",
    "roles/iam.workforcePoolEditor", "roles/iam.oauthClientAdmin", "roles/iam.futureGrant",
    "roles/clouddeploy.operator", "roles/clouddeploy.admin", "roles/clouddeploy.jobRunner",
    "roles/workflows.admin", "roles/workflows.editor", "roles/artifactregistry.admin",
    "roles/artifactregistry.writer", "roles/artifactregistry.repoAdmin",
    "roles/artifactregistry.createOnPushWriter", "roles/osconfig.guestPolicyAdmin",
    "roles/osconfig.osPolicyAssignmentAdmin", "roles/osconfig.patchJobExecutor", "roles/workstations.admin",
    "roles/dataform.admin", "roles/dataform.editor", "roles/batch.jobsEditor", "roles/gkehub.admin",
    "roles/gkehub.gatewayAdmin", "roles/cloudkms.signer", "roles/cloudkms.signerVerifier",
    "roles/cloudkms.cryptoOperator", "roles/cloudkms.decapsulator", "roles/firebaseapphosting.admin",
    "roles/dataproc.serviceAgent", "roles/cloudfunctions.serviceAgent", "roles/pubsub.serviceAgent",
)  # fmt: skip
ALLOWED = (
    "roles/datastore.user", "roles/datastore.viewer", "roles/datastore.owner", "roles/firebaseauth.admin",
    "roles/storage.objectAdmin", "roles/storage.objectViewer", "roles/firebasecloudmessaging.admin",
    "roles/pubsub.publisher", "roles/firebasedatabase.admin", "roles/cloudtasks.enqueuer",
    "roles/logging.logWriter",
    "roles/run.invoker", "roles/cloudfunctions.invoker", "roles/cloudfunctions.viewer",
    "roles/aiplatform.user",
    "roles/bigquery.dataEditor", "roles/iam.serviceAccountViewer", "roles/resourcemanager.tagViewer",
    "roles/secretmanager.viewer", "roles/firebaserules.viewer", "roles/monitoring.metricWriter",
    "roles/viewer", "roles/future.product", "projects/crm/roles/mine", "organizations/1/roles/owner",
    "roles/cloudkms.verifier", "roles/cloudkms.viewer", "roles/cloudkms.publicKeyViewer",
    "roles/ownership.reader", "roles/reader", "roles/browser", "roles/iam.securityReviewer",
    "roles/iam.roleViewer", "roles/iam.workloadIdentityPoolViewer", "roles/artifactregistry.reader",
    "roles/storage.objectUser", "roles/clouddeploy.viewer", "roles/run.jobsExecutor",
    "roles/batch.jobsViewer",
    "roles/workflows.invoker", "roles/privilegedaccessmanager.viewer",
)  # fmt: skip


@pytest.mark.unit
@pytest.mark.parametrize("role", REFUSED)
def test_a_role_that_gains_rights_is_refused_with_the_reason(role: str) -> None:
    why = privileged_roles.reason(role)
    assert why is not None
    assert len(why.split()) >= 5
    assert rules.role(role) == why


# Google's list (IAM documentation, "Basic roles"), the newer and the legacy ones; true: it only reads.
BASIC_ROLES = {
    "admin": False,
    "writer": False,
    "reader": True,
    "owner": False,
    "editor": False,
    "viewer": True,
}


@pytest.mark.unit
def test_of_the_basic_roles_only_those_that_read_are_allowed() -> None:
    allowed = {name: privileged_roles.reason(f"roles/{name}") is None for name in BASIC_ROLES}
    assert allowed == BASIC_ROLES
    assert {name for name in BASIC_ROLES if allowed[name]} == {*privileged_roles.READ_ONLY_BASIC_ROLES} - {
        "browser"
    }


@pytest.mark.unit
@pytest.mark.parametrize("role", ALLOWED)
def test_another_role_is_allowed(role: str) -> None:
    assert rules.role(role) is None


@pytest.mark.unit
@pytest.mark.parametrize(
    "role", ["roles/ owner", "ROLES/owner", "roles/owner\n", "roles/\u043ewner", "//iam/roles/owner"]
)
def test_another_spelling_is_not_a_role(role: str) -> None:
    assert rules.role(role) is not None


@pytest.mark.unit
@pytest.mark.parametrize("key", ["backendRoles", "functionsRoles"])
@pytest.mark.parametrize(
    "role", ["roles/Owner", "roles/iam.serviceAccountTokenCreator", "roles/secretmanager.secretAccessor"]
)
def test_the_preview_names_the_key_the_role_and_the_fix(key: str, role: str, stack: Stack) -> None:
    _, problems = load(Bad(name="", key="", fix="", config={key: ["roles/datastore.user", role]}), stack)
    (problem,) = problems
    assert problem.key == f"whatsapp-crm:{key}"
    assert problem.what == f'"{role}" {privileged_roles.reason(role)}.'
    assert (
        problem.fix == f"pulumi config set --path --type string 'whatsapp-crm:{key}[1]' roles/datastore.user"
    )


@pytest.mark.components
def test_nobody_creates_tokens_in_the_whole_project(run: Run) -> None:
    """Google's own Pub/Sub agent neither: it creates those of the accounts that receive events."""
    engine = run()
    assert not [one for one in engine.of("projects/iAMMember:IAMMember") if "Token" in one.inputs["role"]]
    (grant,) = engine.of("serviceaccount/iAMMember:IAMMember")
    email = f"crm-fn@{world.PROJECT}.iam.gserviceaccount.com"
    assert grant.inputs == {
        "serviceAccountId": f"projects/{world.PROJECT}/serviceAccounts/{email}",
        "role": TOKEN_CREATOR,
        "member": "serviceAccount:agent@google",
    }


@pytest.mark.components
def test_functions_that_create_tokens_sign_as_themselves_only(run: Run) -> None:
    google = replace(world.GOOGLE, functions_may_create_tokens=True)
    engine = run(settings=lambda: world.settings(google=google))
    assert "apis-iamcredentials" in {one.name for one in engine.of("service:Service")}
    grants = {
        (
            one.inputs["serviceAccountId"].rpartition("/")[2],
            one.inputs["member"].removeprefix("serviceAccount:"),
        )
        for one in engine.of("serviceaccount/iAMMember:IAMMember")
    } - {(f"crm-fn@{world.PROJECT}.iam.gserviceaccount.com", "agent@google")}
    assert len(grants) == 4
    assert all(account == who and account.startswith("crm-fn") for account, who in grants)
    assert not [one for one in engine.of("projects/iAMMember:IAMMember") if "Token" in one.inputs["role"]]
    for function in engine.of("cloudfunctionsv2/function:Function"):
        email = function.inputs["serviceConfig"]["serviceAccountEmail"]
        own = f"identities-{email.partition('@')[0]}-iam.serviceAccountTokenCreator"
        assert own in engine.waits_for(function)
