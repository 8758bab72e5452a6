"""IAM of projects, secrets and Cloud Run services: one member of a role, or all members of a role.

A policy is one document: it is read, changed and written with its etag, and again from the start if somebody
else wrote in between. Within this process, changes of one policy wait for each other. Bindings that are not
declared are never changed.
"""

from __future__ import annotations

import threading
import zlib
from collections import defaultdict
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias, cast

from sandbox.engine.gcp.batches import Batches
from sandbox.engine.gcp.errors import GcpError, InitFailedError
from sandbox.engine.gcp.model import OperationContext, ResourceType, State
from sandbox.engine.gcp.rest import ApiError
from sandbox.engine.gcp.standard import fill

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.engine.gcp.rest import Json

_ATTEMPTS = 10
_WRITTEN = ("auditConfigs", "bindings", "etag", "version")
_POLLS = 3  # the real plugin's, after each change of a policy
_POLICY_VERSION = 3
_LOCKS: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
_LOCKS_GUARD = threading.Lock()

Edit: TypeAlias = "Callable[[Json], None]"  # changes the policy that it gets
_PROJECT_EDITS: Batches[Edit, None] = Batches(largest=200)


class _PolicyResource(ResourceType):
    """A resource that has a policy. Subclasses define where.

    Attributes:
        product: the API.
        resource: a template of the resource's name.
        prefix: a template of the Pulumi id's part before role and member.
        reads_by_post: whether `getIamPolicy` is a POST, with the version in its body unless in `read_query`.
        reads_without_version: whether that POST has no body.
        read_query: the query of `getIamPolicy`.
        update_mask: the update mask of `setIamPolicy`; "" for none.
        batched: whether changes that come at the same time are made as one.
        named_by: the input that names the resource; "" if that is the project.
    """

    product: ClassVar[str]
    resource: ClassVar[str]
    prefix: ClassVar[str]
    reads_by_post: ClassVar[bool] = False
    reads_without_version: ClassVar[bool] = False
    read_query: ClassVar[dict[str, str]] = {}
    update_mask: ClassVar[str] = ""
    batched: ClassVar[bool] = False
    named_by: ClassVar[str] = ""
    replace = frozenset({"*"})
    local = frozenset[str]()

    def names(self, inputs: State) -> State:
        """Return the variables of the templates."""
        return inputs

    def policy(self, context: OperationContext, path: str) -> Json:
        """Read a policy."""
        if self.reads_by_post and self.read_query:
            return context.rest.send("POST", self.product, f"{path}:getIamPolicy", query=self.read_query)
        if self.reads_without_version:
            return context.rest.send("POST", self.product, f"{path}:getIamPolicy")
        if self.reads_by_post:
            body = {"options": {"requestedPolicyVersion": _POLICY_VERSION}}
            return context.rest.send("POST", self.product, f"{path}:getIamPolicy", body=body)
        return context.rest.get(self.product, f"{path}:getIamPolicy", self.read_query)

    def change(self, context: OperationContext, path: str, edit: Edit) -> None:
        """Change a policy, and read it until the change is seen.

        Changes of a project's policy that come at the same time are made as one.
        """
        if self.batched:
            _PROJECT_EDITS.submit(path, edit, lambda edits: self._change(context, path, edits))
            return
        with _LOCKS_GUARD:
            lock = _LOCKS[f"{self.product}/{path}"]
        with lock:
            self._change(context, path, [edit])

    def _change(self, context: OperationContext, path: str, edits: list[Edit]) -> None:
        """Read, change and write a policy until there is no conflict."""
        for attempt in range(_ATTEMPTS):
            policy = self.policy(context, path)
            for edit in edits:
                edit(policy)
            body: Json = {"policy": {key: policy[key] for key in _WRITTEN if policy.get(key)}}
            if self.update_mask:
                body["updateMask"] = self.update_mask
            try:
                context.rest.send("POST", self.product, f"{path}:setIamPolicy", body=body)
            except ApiError as error:
                if error.status not in {409, 412} or attempt == _ATTEMPTS - 1:
                    raise
                context.log("the policy was changed by another client: retrying")
                continue
            for _ in range(_POLLS):
                self.policy(context, path)
            return
        message = f"the policy of {path} was changed by others {_ATTEMPTS} times.\nfix: run the command again"
        raise GcpError(message)

    def path(self, inputs: State) -> str:
        """Return the name of the resource that has the policy."""
        return fill(self.resource, self.names(inputs))

    def outputs(self, inputs: State, policy: Json) -> State:
        """Return the outputs: the resource by its full name, whatever the program gives."""
        named = {self.named_by: self.path(inputs)} if self.named_by else {}
        return {**inputs, **named, "etag": policy.get("etag")}

    def written(self, context: OperationContext, inputs: State) -> tuple[str, State]:
        """Return the id and the outputs after a change, read from the policy."""
        found = self.read(context, "", inputs)
        if found is None:
            message = f"{inputs['role']} was set on {self.path(inputs)} and is not in its policy"
            raise InitFailedError(message, self.identifier(inputs), inputs)
        return found

    def identifier(self, inputs: State) -> str:
        """Return the Pulumi id."""
        names = self.names(inputs)
        parts = [fill(self.prefix, names), str(inputs["role"])]
        if inputs.get("member"):
            parts.append(str(inputs["member"]))
        condition = cast("State | None", inputs.get("condition"))
        if condition:
            parts.append(str(condition.get("title")))
        return "/".join(parts)

    def imported(self, identifier: str, context: OperationContext) -> State:
        """Return inputs from the id of an import: resource, role and member, separated by spaces.

        Raises:
            GcpError: it has another form.
        """
        parts = identifier.split(" ")
        requested = 3 if "member" in self.sdk.inputs.fields else 2
        if len(parts) != requested:
            form = "'RESOURCE ROLE MEMBER'" if requested == 3 else "'RESOURCE ROLE'"
            message = f"{identifier!r} is not the id of a {self.label}: it must have the form {form}"
            raise GcpError(message)
        found = {**self.from_resource(parts[0], context), "role": parts[1]}
        return {**found, "member": parts[2]} if requested == 3 else found

    def from_resource(self, name: str, context: OperationContext) -> State:
        """Return the inputs for a resource's name."""
        raise NotImplementedError

    def equivalent(self, pattern: str, old: Any, new: Any, inputs: State, state: State) -> bool:
        """A name may be given in full or by its last segment."""
        if pattern == self.named_by and isinstance(old, str) and isinstance(new, str):
            return old.rpartition("/")[2] == new.rpartition("/")[2]
        return False


def _is_binding(binding: Json, inputs: State) -> bool:
    requested = cast("State | None", inputs.get("condition")) or {}
    found = cast("Json | None", binding.get("condition")) or {}
    keys = ("title", "expression", "description")
    same = all((requested.get(key) or "") == (found.get(key) or "") for key in keys)
    return binding.get("role") == inputs["role"] and same


def _new_binding(inputs: State, members: list[str]) -> Json:
    binding: Json = {"role": inputs["role"]}
    if members:
        binding["members"] = members
    if inputs.get("condition"):
        binding["condition"] = inputs["condition"]
    return binding


class _Member(_PolicyResource):
    """One member of a role."""

    def create(self, context: OperationContext, inputs: State) -> tuple[str, State]:
        """Add the member to its role."""
        member = str(inputs["member"])

        def add(policy: Json) -> None:
            policy["version"] = _POLICY_VERSION
            bindings = cast("list[Json]", policy.setdefault("bindings", []))
            for binding in bindings:
                if _is_binding(binding, inputs):
                    binding["members"] = sorted({*cast("list[str]", binding.get("members") or []), member})
                    break
            else:
                bindings.append(_new_binding(inputs, [member]))
            bindings.sort(key=_role)

        self.change(context, self.path(inputs), add)
        return self.written(context, inputs)

    def read(self, context: OperationContext, identifier: str, state: State) -> tuple[str, State] | None:
        """Find the member in its role."""
        inputs = state if state.get("role") else self.imported(identifier, context)
        try:
            policy = self.policy(context, self.path(inputs))
        except ApiError as error:
            if error.status == 404:
                return None
            raise
        for binding in cast("list[Json]", policy.get("bindings") or []):
            if _is_binding(binding, inputs) and inputs["member"] in (binding.get("members") or []):
                return self.identifier(inputs), self.outputs(inputs, policy)
        return None

    def delete(self, context: OperationContext, identifier: str, state: State) -> None:
        """Remove the member from its role; the role's other members stay."""

        def remove(policy: Json) -> None:
            bindings = cast("list[Json]", policy.get("bindings") or [])
            for binding in bindings:
                if _is_binding(binding, state):
                    members = cast("list[str]", binding.get("members") or [])
                    binding["members"] = [item for item in members if item != state["member"]]
            policy["bindings"] = sorted((one for one in bindings if one.get("members")), key=_role)

        _edit_if_exists(self, context, state, remove)


class _Binding(_PolicyResource):
    """All members of a role: members that are not declared are removed. There may be none."""

    unordered = frozenset({"members"})
    keep = frozenset({"members"})

    def create(self, context: OperationContext, inputs: State) -> tuple[str, State]:
        """Set the role's members."""

        def replace(policy: Json) -> None:
            policy["version"] = _POLICY_VERSION
            members = _in_plugin_order(cast("list[str]", inputs["members"]))
            policy["bindings"] = [*_others(policy, inputs), _new_binding(inputs, members)]

        self.change(context, self.path(inputs), replace)
        return self.written(context, inputs)

    def read(self, context: OperationContext, identifier: str, state: State) -> tuple[str, State] | None:
        """Read the role's members."""
        inputs = state if state.get("role") else self.imported(identifier, context)
        try:
            policy = self.policy(context, self.path(inputs))
        except ApiError as error:
            if error.status == 404:
                return None
            raise
        for binding in cast("list[Json]", policy.get("bindings") or []):
            if _is_binding(binding, inputs):
                members = sorted(cast("list[str]", binding.get("members") or []))
                return self.identifier(inputs), self.outputs({**inputs, "members": members}, policy)
        # As the real plugin: a role that is not in the policy has no members, and the etag is not read.
        outputs = self.outputs({**inputs, "members": []}, {"etag": state.get("etag")})
        return self.identifier(inputs), outputs

    def update(
        self, context: OperationContext, identifier: str, inputs: State, state: State, changes: list[Any]
    ) -> State:
        """Set the role's members."""
        return self.create(context, {**inputs, "etag": state.get("etag")})[1]

    def delete(self, context: OperationContext, identifier: str, state: State) -> None:
        """Remove the role from the policy."""

        def remove(policy: Json) -> None:
            policy["bindings"] = _others(policy, state)

        _edit_if_exists(self, context, state, remove)


def _role(binding: Json) -> str:
    return str(binding.get("role"))


def _in_plugin_order(members: list[str]) -> list[str]:
    """Return a set of members in the order in which the real plugin sends it: by their checksums as text."""
    return sorted(set(members), key=lambda member: str(zlib.crc32(member.lower().encode())))


def _others(policy: Json, inputs: State) -> list[Json]:
    bindings = cast("list[Json]", policy.get("bindings") or [])
    return [binding for binding in bindings if not _is_binding(binding, inputs)]


def _edit_if_exists(
    resource: _PolicyResource,
    context: OperationContext,
    state: State,
    edit: Edit,
) -> None:
    """Change a policy and read it once more, unless its resource is already deleted."""
    try:
        resource.change(context, resource.path(state), edit)
        resource.policy(context, resource.path(state))
    except ApiError as error:
        if error.status != 404:
            raise


class ProjectMember(_Member):
    """A member of a project's role."""

    pulumi_type = "gcp:projects/iAMMember:IAMMember"
    product = "cloudresourcemanager"
    resource = "projects/{project}"
    prefix = "{project}"
    reads_by_post = True
    update_mask = "bindings,etag,auditConfigs"
    batched = True

    def from_resource(self, name: str, context: OperationContext) -> State:
        """Return the project."""
        return {"project": name.removeprefix("projects/")}


class AccountMember(_Member):
    """A member of a role on a service account."""

    pulumi_type = "gcp:serviceaccount/iAMMember:IAMMember"
    product = "iam"
    resource = "{serviceAccountId}"
    prefix = resource
    reads_by_post = True
    read_query: ClassVar[dict[str, str]] = {"options.requestedPolicyVersion": str(_POLICY_VERSION)}

    def from_resource(self, name: str, context: OperationContext) -> State:
        """Return the account."""
        return {"serviceAccountId": name}


class _Secret(_PolicyResource):
    product = "secretmanager"
    resource = "projects/{project}/secrets/{secretId}"
    prefix = resource
    read_query: ClassVar[dict[str, str]] = {"options.requestedPolicyVersion": str(_POLICY_VERSION)}
    named_by = "secretId"
    computed = frozenset({"project"})

    def names(self, inputs: State) -> State:
        """A secret may be given by its full name, which contains its project."""
        parts = str(inputs["secretId"]).split("/")
        if len(parts) == 4:
            return {"project": parts[1], "secretId": parts[3]}
        return inputs

    def from_resource(self, name: str, context: OperationContext) -> State:
        """Return project and secret."""
        parts = name.split("/")
        return {"project": parts[1] if len(parts) == 4 else context.settings.project, "secretId": parts[-1]}


class SecretMember(_Secret, _Member):
    """A member of a secret's role."""

    pulumi_type = "gcp:secretmanager/secretIamMember:SecretIamMember"


class SecretBinding(_Secret, _Binding):
    """All members of a secret's role."""

    pulumi_type = "gcp:secretmanager/secretIamBinding:SecretIamBinding"


class _InRegion(_PolicyResource):
    """A resource with a region; a program may give it by its full name."""

    named_by = "name"
    computed = frozenset({"project", "location"})
    autoname = "name"

    def names(self, inputs: State) -> State:
        """Its full name contains project and location."""
        parts = str(inputs.get("name") or "").split("/")
        if len(parts) == 6:
            return {"project": parts[1], "location": parts[3], "name": parts[5]}
        return inputs

    def from_resource(self, name: str, context: OperationContext) -> State:
        """Return project, location and name."""
        parts = name.split("/")
        if len(parts) == 6:
            return {"project": parts[1], "location": parts[3], "name": parts[5]}
        return {"project": context.settings.project, "location": context.settings.region, "name": parts[-1]}


class _CloudRun(_InRegion):
    product = "run"
    resource = "projects/{project}/locations/{location}/services/{name}"
    prefix = resource


class ServiceMember(_CloudRun, _Member):
    """A member of a role on a Cloud Run service."""

    pulumi_type = "gcp:cloudrunv2/serviceIamMember:ServiceIamMember"


class ServiceBinding(_CloudRun, _Binding):
    """All members of a role on a Cloud Run service."""

    pulumi_type = "gcp:cloudrunv2/serviceIamBinding:ServiceIamBinding"


class QueueBinding(_InRegion, _Binding):
    """All members of a role on a Cloud Tasks queue.

    Not recorded: from the source of Terraform's provider (`iam_cloud_tasks_queue.go`, August 2026), which
    reads a policy by a POST without a body.
    """

    pulumi_type = "gcp:cloudtasks/queueIamBinding:QueueIamBinding"
    product = "cloudtasks"
    resource = "projects/{project}/locations/{location}/queues/{name}"
    prefix = resource
    reads_without_version = True
