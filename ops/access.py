"""What the clouds accept and the state does not know: keys, secret versions, and members of IAM roles.

`python -m ops verify --stack` and `python -m ops drift` report it, each with the command that ends it. What
is known comes from the stack's state, not from the last verification: after an `up` that failed half-way,
the state names a key that is already in use. No secret value is read.

- Enabled user-managed keys of the stack's service accounts, enabled versions of its secrets.
- Roles on the service accounts. A member of one can act as the account without a key; the program grants
  them only to Pub/Sub and to the account itself, one member at a time.
- Roles on the secrets, on the functions' Cloud Run services and on their task queues. The program manages the
  members of one role; other roles, and grants with a condition, are reported.

Roles that the project grants are not read: the program only adds members to them (docs/limits.md).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import cast

from firebase.errors import GoogleError, JsonObject
from firebase.rest import GoogleApi
from firebase.unknown_credentials import NOT_FOUND, unknown_keys, unknown_versions
from ops.check_results import CheckResult

ACCOUNT = "gcp:serviceaccount/account:Account"
KEY = "gcp:serviceaccount/key:Key"
SECRET = "gcp:secretmanager/secret:Secret"  # noqa: S105 - a resource type
VERSION = "gcp:secretmanager/secretVersion:SecretVersion"
READERS = "gcp:secretmanager/secretIamBinding:SecretIamBinding"
INVOKERS = "gcp:cloudrunv2/serviceIamBinding:ServiceIamBinding"
ACCOUNT_MEMBER = "gcp:serviceaccount/iAMMember:IAMMember"
ENQUEUERS = "gcp:cloudtasks/queueIamBinding:QueueIamBinding"
ACCOUNTS, SECRETS, SERVICES, QUEUES = "accounts", "secrets", "services", "queues"
EVERYTHING = (ACCOUNTS, SECRETS, SERVICES, QUEUES)
"""What has policies: service accounts, secrets, the Cloud Run services of functions, and their queues."""
VERSION_IN_BODY = ("cloudresourcemanager", "cloudtasks")
"""Products whose `getIamPolicy` takes the version in its body (their discovery documents)."""
POLICY_VERSION = "3"  # conditions are in policies of this version only (IAM documentation, Policy versions)
READERS_AT_ONCE = 8


@dataclass(frozen=True, kw_only=True)
class Policy:
    """An IAM policy to read.

    Args:
        thing: what has it, for messages.
        product: the API, a key of `firebase.rest.PRODUCTS`.
        method: the HTTP method of its `getIamPolicy`.
        path: the name of what has it.
        remove: the command that removes a member, without member and role.
        each_condition: the option that removes the member under each condition; "" if the command has none.
        declared: the members of each role that the program manages.
        added: pairs of role and member that the program adds to roles that it does not manage.
    """

    thing: str
    product: str
    method: str
    path: str
    remove: str
    declared: Mapping[str, frozenset[str]]
    added: frozenset[tuple[str, str]] = frozenset()
    each_condition: str = " --all"


def credentials(state: Sequence[JsonObject], api: GoogleApi) -> Iterator[CheckResult]:
    """Unknown keys and secret versions.

    Args:
        state: the resources of the stack's state, also those that are about to be deleted.
        api: the client.

    Raises:
        GoogleError: they could not be read.
    """
    accounts = [_account(one) for one in _of(state, ACCOUNT)]
    keys = {_last(one) for one in _of(state, KEY)}
    found = [key for project, email in accounts for key in unknown_keys(api, project, email, keys)]
    for key in found:
        yield CheckResult(thing=f"keys of {key.account}", found=f"{key.what}: not in the state", fix=key.fix)
    if accounts and not found:
        yield CheckResult(thing="keys of service accounts", found=f"{len(accounts)} accounts, none unknown")
    secrets = [(one.split("/")[1], _last(one)) for one in _of(state, SECRET)]
    versions: dict[str, set[str]] = {}
    for one in _of(state, VERSION):
        versions.setdefault(one.split("/")[3], set()).add(_last(one))
    readable = [
        version
        for project, secret in secrets
        for version in unknown_versions(api, project, secret, versions.get(secret, set()))
    ]
    for version in readable:
        what = f"{version.what} is enabled and not in the state"
        yield CheckResult(thing=f"versions of {version.secret}", found=what, fix=version.fix)
    if secrets and not readable:
        yield CheckResult(thing="versions of secrets", found=f"{len(secrets)} secrets, none unknown")


def refresh(stack: str) -> str:
    """The command that writes again what is declared and was changed elsewhere."""
    return f"pulumi up -s {stack} --refresh --run-program"


def members(
    state: Sequence[JsonObject], api: GoogleApi, stack: str, of: Collection[str] = EVERYTHING
) -> Iterator[CheckResult]:
    """Members of roles on the stack's service accounts, secrets and functions that it does not declare.

    Args:
        state: the resources of the stack's state.
        api: the client.
        stack: the name of the stack, for commands.
        of: which policies are read, some of EVERYTHING.

    Raises:
        GoogleError: a policy could not be read.
    """
    readers = {
        ACCOUNTS: _account_policies,
        SECRETS: _secret_policies,
        SERVICES: _service_policies,
        QUEUES: _queue_policies,
    }
    policies = [policy for kind in EVERYTHING if kind in of for policy in readers[kind](state)]
    if not policies:
        return

    def read(policy: Policy) -> list[CheckResult]:
        return list(_unknown_members(policy, _bindings(policy, api), refresh(stack)))

    with ThreadPoolExecutor(READERS_AT_ONCE) as pool:
        found = [result for results in pool.map(read, policies) for result in results]
    yield from found
    if not found:
        yield CheckResult(thing="members of IAM roles", found=f"{len(policies)} policies, none unknown")


def project_roles(
    state: Sequence[JsonObject], api: GoogleApi, declared: Collection[tuple[str, str]]
) -> Iterator[CheckResult]:
    """Roles that the stack's accounts have in the project, and that the program did not grant.

    Args:
        state: the resources of the stack's state.
        api: the client.
        declared: pairs of role and member that the program granted.

    Raises:
        GoogleError: the project's policy could not be read.
    """
    accounts = [_account(one) for one in _of(state, ACCOUNT)]
    if not accounts:
        return
    project = accounts[0][0]
    own = {f"serviceAccount:{email}" for _, email in accounts}
    policy = Policy(
        thing=f"roles in the project {project}",
        product="cloudresourcemanager",
        method="POST",
        path=f"projects/{project}",
        remove=f"gcloud projects remove-iam-policy-binding {project}",
        declared={},
    )
    live = {
        (str(one.get("role")), member, bool(one.get("condition")))
        for one in _bindings(policy, api)
        for member in _members(one)
        if member in own
    }
    unknown = sorted(one for one in live if one[:2] not in declared)
    for role, member, conditional in unknown:
        yield CheckResult(
            thing=policy.thing,
            found=f"{member} has {role}{', with a condition' if conditional else ''}; "
            "the program does not declare it",
            fix=f"{policy.remove} --member='{member}' --role='{role}'{policy.each_condition}",
        )
    if not unknown:
        yield CheckResult(
            thing=policy.thing, found=f"{len(live)} grants to {len(own)} accounts, none unknown"
        )


def _account_policies(state: Sequence[JsonObject]) -> Iterator[Policy]:
    added: dict[str, set[tuple[str, str]]] = {}
    for one in _resources(state, ACCOUNT_MEMBER):
        inputs = cast("JsonObject", one.get("inputs") or {})
        pair = (str(inputs["role"]), str(inputs["member"]))
        added.setdefault(_last(str(inputs["serviceAccountId"])), set()).add(pair)
    for project, email in (_account(one) for one in _of(state, ACCOUNT)):
        yield Policy(
            thing=f"roles on {email}",
            product="iam",
            method="POST",
            path=f"projects/{project}/serviceAccounts/{email}",
            remove=f"gcloud iam service-accounts remove-iam-policy-binding {email} --project {project}",
            declared={},
            added=frozenset(added.get(email, ())),
        )


def _secret_policies(state: Sequence[JsonObject]) -> Iterator[Policy]:
    declared = _declared(state, READERS, "secretId")
    for one in _of(state, SECRET):
        project, secret = one.split("/")[1], _last(one)
        yield Policy(
            thing=f"roles on secret {secret}",
            product="secretmanager",
            method="GET",
            path=f"projects/{project}/secrets/{secret}",
            remove=f"gcloud secrets remove-iam-policy-binding {secret} --project {project}",
            declared=declared.get(secret, {}),
        )


def _service_policies(state: Sequence[JsonObject]) -> Iterator[Policy]:
    for one in _resources(state, INVOKERS):
        outputs = cast("JsonObject", one.get("outputs") or {})
        project, region = str(outputs["project"]), str(outputs["location"])
        service = _last(str(outputs["name"]))
        yield Policy(
            thing=f"roles on function service {region}/{service}",
            product="run",
            method="GET",
            path=f"projects/{project}/locations/{region}/services/{service}",
            remove=(
                f"gcloud run services remove-iam-policy-binding {service} --region {region} "
                f"--project {project}"
            ),
            declared={str(outputs["role"]): _declared_members(one)},
        )


def _queue_policies(state: Sequence[JsonObject]) -> Iterator[Policy]:
    for one in _resources(state, ENQUEUERS):
        outputs = cast("JsonObject", one.get("outputs") or {})
        project, region = str(outputs["project"]), str(outputs["location"])
        queue = _last(str(outputs["name"]))
        yield Policy(
            thing=f"roles on task queue {region}/{queue}",
            product="cloudtasks",
            method="POST",
            path=f"projects/{project}/locations/{region}/queues/{queue}",
            remove=(
                f"gcloud tasks queues remove-iam-policy-binding {queue} --location {region} "
                f"--project {project}"
            ),
            declared={str(outputs["role"]): _declared_members(one)},
            each_condition="",  # gcloud has no conditions on queues
        )


def _declared(state: Sequence[JsonObject], type_: str, key: str) -> dict[str, dict[str, frozenset[str]]]:
    found: dict[str, dict[str, frozenset[str]]] = {}
    for one in _resources(state, type_):
        outputs = cast("JsonObject", one.get("outputs") or {})
        found.setdefault(_last(str(outputs[key])), {})[str(outputs["role"])] = _declared_members(one)
    return found


def _declared_members(binding: JsonObject) -> frozenset[str]:
    """From the inputs: after `pulumi refresh`, the outputs have the members that it found. The inputs have no
    more members than were declared."""
    return _members(cast("JsonObject", binding.get("inputs") or {}))


def _members(binding: JsonObject) -> frozenset[str]:
    return frozenset(cast("list[str]", binding.get("members") or []))


def _bindings(policy: Policy, api: GoogleApi) -> list[JsonObject]:
    in_body = policy.product in VERSION_IN_BODY
    version: JsonObject = {"options": {"requestedPolicyVersion": int(POLICY_VERSION)}}
    try:
        found = api.call(
            policy.method,
            policy.product,
            f"{policy.path}:getIamPolicy",
            operation=f"read the {policy.thing}",
            body=version if in_body else None,
            params=None if in_body else {"options.requestedPolicyVersion": POLICY_VERSION},
            repeatable=True,
        )
    except GoogleError as error:
        if error.status == NOT_FOUND:  # deleted by hand: the check of the object itself reports it
            return [{"role": role, "members": sorted(known)} for role, known in policy.declared.items()]
        raise
    return cast("list[JsonObject]", found.get("bindings") or [])


def _unknown_members(policy: Policy, bindings: Sequence[JsonObject], declare: str) -> Iterator[CheckResult]:
    live = dict.fromkeys(policy.declared, frozenset[str]())
    for binding in bindings:
        role, found = str(binding.get("role")), _members(binding)
        if role in policy.declared and not binding.get("condition"):
            live[role] = found
            continue
        # Members of deleted accounts have no rights.
        for member in sorted(one for one in found if not one.startswith("deleted:")):
            condition = ", with a condition" if binding.get("condition") else ""
            if not condition and (role, member) in policy.added:
                continue
            yield CheckResult(
                thing=policy.thing,
                found=f"{member} has {role}{condition}; the program does not declare it",
                fix=f"{policy.remove} --member='{member}' --role='{role}'{policy.each_condition}",
            )
    for role, found in live.items():
        for member in sorted(found - policy.declared[role]):
            yield CheckResult(thing=policy.thing, found=f"{member} was added to {role}", fix=declare)
        for member in sorted(policy.declared[role] - found):
            yield CheckResult(thing=policy.thing, found=f"{member} was removed from {role}", fix=declare)


def _resources(state: Sequence[JsonObject], type_: str) -> list[JsonObject]:
    """The resources of a type, without those that are about to be deleted."""
    return [one for one in state if one.get("type") == type_ and not one.get("delete")]


def _of(state: Sequence[JsonObject], type_: str) -> list[str]:
    """The ids of a type, also of resources that are about to be deleted: the state still knows them."""
    return sorted({str(one["id"]) for one in state if one.get("type") == type_ and one.get("id")})


def _account(resource_id: str) -> tuple[str, str]:
    """Project and e-mail from the id of an account, `projects/P/serviceAccounts/EMAIL`."""
    return resource_id.split("/")[1], _last(resource_id)


def _last(name: str) -> str:
    return name.rpartition("/")[2]
