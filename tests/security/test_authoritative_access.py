"""Rights that somebody adds or removes by hand: who may call a function, read a secret, act as an account.

The program manages the members of two roles, of which the policies have exactly the declared ones. Whatever
else is granted on the stack's own functions, secrets and accounts is reported with the command that ends it.
"""

from __future__ import annotations

import subprocess
from dataclasses import dataclass, field
from typing import Any

import pytest

from firebase.errors import GoogleError, JsonObject
from firebase.rest import GoogleApi
from ops import access
from ops.check_results import CheckResult
from sandbox.supervisor import Sandbox
from tests.components import world
from tests.components.conftest import Run
from tests.e2e.stack import DRIFT, Done, Stack
from tests.security.ops_command import Google, ops

INVOKER, READER = "roles/run.invoker", "roles/secretmanager.secretAccessor"
SIGNER = "roles/iam.serviceAccountTokenCreator"
STRANGER = "user:stranger@example.com"
HEAL = ("up", "--yes", "--skip-preview", "--refresh", "--run-program")


def email(account: str) -> str:
    return f"serviceAccount:{account}@{world.PROJECT}.iam.gserviceaccount.com"


@pytest.mark.components
def test_each_function_has_exactly_the_declared_invokers(run: Run) -> None:
    """Also a private one, which has none: without a binding, an added member would be no drift."""
    engine = run()
    bindings = {one.inputs["name"]: one for one in engine.of("serviceIamBinding:ServiceIamBinding")}
    assert {name: one.inputs.get("members") for name, one in bindings.items()} == {
        "whatsappproxysend": ["allUsers"],
        "exportclients": [],
        "askaboutclient": ["allUsers"],
        "aggregateclientstats": [email("crm-fn")],
        "process-followups": [email("crm-fn")],
    }
    assert {one.inputs["role"] for one in bindings.values()} == {INVOKER}
    assert engine.of("serviceIamMember:ServiceIamMember") == []


@pytest.mark.components
def test_each_secret_has_exactly_the_declared_readers(run: Run) -> None:
    """Also a secret that no function reads."""
    engine = run(settings=lambda: _with_spare_secret())
    bindings = {one.inputs["secretId"]: one for one in engine.of("secretIamBinding:SecretIamBinding")}
    assert set(bindings) == {"ADMIN_EMAILS", "GROQ_API_KEY", "RAILWAY_WHATSAPP_URL", "SPARE"}
    assert {one.inputs["role"] for one in bindings.values()} == {READER}
    added: dict[str, list[str]] = {name: [] for name in bindings}
    for one in engine.of("secretIamMember:SecretIamMember"):
        added[one.inputs["secretId"]].append(one.inputs["member"])
    assert {name: one.inputs["members"] for name, one in bindings.items()} == added
    assert bindings["SPARE"].inputs["members"] == []
    assert all(members for name, members in added.items() if name != "SPARE")


@pytest.mark.components
def test_readers_are_taken_away_after_all_functions_and_added_before(run: Run) -> None:
    """A function that moves to another account runs as the old one until its new revision is built."""
    engine = run()
    functions = {one.name for one in engine.of("function:Function")}
    for binding in engine.of("secretIamBinding:SecretIamBinding"):
        assert functions <= engine.waits_for(binding), binding.name
    for name in functions:
        waits = engine.waits_for(engine.one(name))
        assert not any(one.startswith("secret-readers") for one in waits)
    assert "secrets-GROQ_API_KEY-" in " ".join(
        engine.waits_for(engine.one(f"functions-{world.REGION}-askAboutClient"))
    )


def _with_spare_secret() -> Any:
    given = world.settings()
    values = {**given.secrets.values, "SPARE": next(iter(given.secrets.values.values()))}
    return world.settings(secrets=type(given.secrets)(values=values))


ACCOUNT = "projects/p/serviceAccounts/crm-backend@p.iam.gserviceaccount.com"
SERVICE = "projects/p/locations/r/services/stats"
SECRET = "projects/p/secrets/GROQ_API_KEY"
FN = "serviceAccount:crm-fn@p.iam.gserviceaccount.com"
STATE: list[JsonObject] = [
    {"type": access.ACCOUNT, "id": ACCOUNT, "outputs": {}},
    {"type": access.SECRET, "id": SECRET, "outputs": {}},
    {
        "type": access.READERS,
        "id": "r",
        "inputs": {"members": [FN]},
        "outputs": {"secretId": SECRET, "role": READER, "members": [FN, STRANGER], "project": "p"},
    },
    {
        "type": access.INVOKERS,
        "id": "i",
        "inputs": {"members": [FN]},
        "outputs": {"name": SERVICE, "location": "r", "role": INVOKER, "project": "p"},
    },
]


def binding(role: str, *members: str, **more: Any) -> JsonObject:
    return {"role": role, "members": list(members), **more}


class Policies(GoogleApi):
    """Responds with these bindings by resource; the declared ones where none are given."""

    def __init__(self, **changes: list[JsonObject] | GoogleError) -> None:
        super().__init__(environ={})
        declared: dict[str, list[JsonObject] | GoogleError] = {
            "account": [],
            "secret": [binding(READER, FN)],
            "service": [binding(INVOKER, FN)],
        }
        names = {"account": ACCOUNT, "secret": SECRET, "service": SERVICE}
        self.found = {names[key]: value for key, value in {**declared, **changes}.items()}

    def call(self, method: str, product: str, path: str, **rest: Any) -> JsonObject:
        name, _, verb = path.partition(":")
        assert (verb, rest["params"]) == ("getIamPolicy", {"options.requestedPolicyVersion": "3"})
        assert method == ("POST" if product == "iam" else "GET")
        found = self.found[name]
        if isinstance(found, GoogleError):
            raise found
        return {"bindings": found}


REFRESH = access.refresh("prod")


def unknown(**changes: list[JsonObject] | GoogleError) -> list[CheckResult]:
    return [one for one in access.members(STATE, Policies(**changes), "prod") if one.failed]


@pytest.mark.unit
def test_declared_members_are_one_successful_check() -> None:
    results = list(access.members(STATE, Policies(), "prod"))
    assert [(one.thing, one.found, one.failed) for one in results] == [
        ("members of IAM roles", "3 policies, none unknown", False)
    ]
    assert list(access.members([], Policies(), "prod")) == []


@pytest.mark.unit
@pytest.mark.parametrize(
    ("where", "bindings", "found", "fix"),
    [
        (
            "account", [binding(SIGNER, STRANGER)],
            f"{STRANGER} has {SIGNER}; the program does not declare it",
            ("gcloud iam service-accounts remove-iam-policy-binding crm-backend@p.iam.gserviceaccount.com "
            f"--project p --member='{STRANGER}' --role='{SIGNER}' --all"),
        ),
        (
            "secret", [binding(READER, FN), binding(READER, STRANGER, condition={"title": "t"})],
            f"{STRANGER} has {READER}, with a condition; the program does not declare it",
            ("gcloud secrets remove-iam-policy-binding GROQ_API_KEY --project p "
            f"--member='{STRANGER}' --role='{READER}' --all"),
        ),
        (
            "service", [binding(INVOKER, FN), binding("roles/run.admin", "allUsers")],
            "allUsers has roles/run.admin; the program does not declare it",
            ("gcloud run services remove-iam-policy-binding stats --region r --project p "
            "--member='allUsers' --role='roles/run.admin' --all"),
        ),
        ("service", [binding(INVOKER, FN, "allUsers")], f"allUsers was added to {INVOKER}", REFRESH),
        ("secret", [binding(READER, FN, STRANGER)], f"{STRANGER} was added to {READER}", REFRESH),
        ("secret", [], f"{FN} was removed from {READER}", REFRESH),
    ],
)  # fmt: skip
def test_each_other_member_is_named_with_the_command(
    where: str, bindings: list[JsonObject], found: str, fix: str
) -> None:
    assert [(one.found, one.fix) for one in unknown(**{where: bindings})] == [(found, fix)]


@pytest.mark.unit
def test_deleted_members_and_deleted_objects_are_not_reported() -> None:
    gone = GoogleError("not found", "check it", status=404)
    deleted = "deleted:serviceAccount:old@p.iam.gserviceaccount.com?uid=1"
    assert unknown(account=[binding(SIGNER, deleted)], secret=gone, service=gone) == []


@pytest.mark.unit
def test_a_policy_that_cannot_be_read_is_an_error() -> None:
    with pytest.raises(GoogleError, match="denied"):
        unknown(service=GoogleError("denied", "grant it", status=403))


@dataclass
class Life:
    """What was seen, by the name of the step; the roles of each policy before, and after each step."""

    done: dict[str, Done] = field(default_factory=dict[str, Done])
    reports: dict[str, subprocess.CompletedProcess[str]] = field(
        default_factory=dict[str, subprocess.CompletedProcess[str]]
    )
    roles: dict[str, dict[str, dict[str, set[str]]]] = field(
        default_factory=dict[str, dict[str, dict[str, set[str]]]]
    )


@pytest.fixture(scope="module")
def life(sandbox: Sandbox, stack: Stack) -> Life:
    """A stack; strangers get rights, and declared members lose theirs; `up` resets it."""
    seen = Life()
    google = Google(stack)
    paths = {
        "event function": google.service("aggregateClientStats"),
        "schedule": google.service("processFollowUps"),
        "secret": google.secret("GROQ_API_KEY"),
        "other secret": google.secret("ADMIN_EMAILS"),
        "account": google.account("crm-backend"),
    }

    def look(step: str) -> None:
        seen.roles[step] = {name: google.roles(path) for name, path in paths.items()}
        seen.done[step] = stack.pulumi(*DRIFT)
        for command in ("verify", "drift"):
            seen.reports[f"{command} {step}"] = ops(sandbox, command)

    seen.done["up"] = stack.up()
    look("before")
    google.grant(paths["event function"], INVOKER, "allUsers")
    google.grant(paths["secret"], READER, STRANGER)
    google.revoke(paths["schedule"], INVOKER)
    google.revoke(paths["other secret"], READER)
    look("attacked")
    seen.done["heal"] = stack.pulumi(*HEAL)
    look("healed")
    google.grant(paths["account"], SIGNER, STRANGER)
    google.grant(paths["secret"], "roles/secretmanager.admin", STRANGER)
    look("unmanaged")
    google.revoke(paths["account"], SIGNER)
    google.revoke(paths["secret"], "roles/secretmanager.admin")
    look("after")
    return seen


@pytest.mark.e2e
def test_the_policies_have_exactly_the_declared_members(life: Life) -> None:
    roles = life.roles["before"]
    assert roles["account"] == {}
    assert {one.partition("@")[0] for one in roles["event function"][INVOKER]} == {"serviceAccount:crm-fn"}
    assert all(len(members) == 1 for name in ("secret", "schedule") for members in roles[name].values())
    assert life.done["before"].returncode == 0, life.done["before"].stdout
    for command in ("verify", "drift"):
        report = life.reports[f"{command} before"]
        assert report.returncode == 0, report.stdout


@pytest.mark.e2e
def test_added_and_removed_members_are_drift(life: Life) -> None:
    found = life.done["attacked"]
    assert found.returncode == 7, found.stdout
    assert '"allUsers"' in found.stdout
    assert f'"{STRANGER}"' in found.stdout
    for name in ("aggregateClientStats-invokers", "processFollowUps-invokers"):
        assert f"functions-europe-west1-{name}" in found.stdout
    for name in ("GROQ_API_KEY", "ADMIN_EMAILS"):
        assert f"::secret-readers-{name}" in found.stdout


@pytest.mark.e2e
def test_verify_names_added_and_removed_members(life: Life) -> None:
    report = life.reports["verify attacked"]
    assert report.returncode == 1
    assert f"allUsers was added to {INVOKER}" in report.stdout
    assert f"{STRANGER} was added to {READER}" in report.stdout
    assert f"was removed from {INVOKER}" in report.stdout
    assert f"was removed from {READER}" in report.stdout


@pytest.mark.e2e
def test_up_takes_them_back(life: Life) -> None:
    assert life.done["heal"].returncode == 0, life.done["heal"].stdout
    assert life.roles["attacked"] != life.roles["before"]
    assert life.roles["healed"] == life.roles["before"]
    assert life.done["healed"].returncode == 0, life.done["healed"].stdout


@pytest.mark.e2e
def test_other_roles_are_reported_with_their_command(life: Life) -> None:
    """They are no drift for Pulumi: the program declares neither."""
    assert life.done["unmanaged"].returncode == 0
    for command, code in (("verify", 1), ("drift", 7)):
        report = life.reports[f"{command} unmanaged"]
        assert report.returncode == code, report.stdout
        backend = "crm-backend@crm-sandbox.iam.gserviceaccount.com --project crm-sandbox"
        assert (
            f"fix: gcloud iam service-accounts remove-iam-policy-binding {backend} --member='{STRANGER}' "
            f"--role='{SIGNER}' --all"
        ) in report.stdout
        assert "fix: gcloud secrets remove-iam-policy-binding GROQ_API_KEY" in report.stdout
        after = life.reports[f"{command} after"]
        assert after.returncode == 0, after.stdout
