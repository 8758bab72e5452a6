"""Cloud Storage: buckets and their objects.

Directories as sources are not supported: the program creates the archive itself. Supported bucket settings
are in `supported`.
"""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, cast
from urllib.parse import quote

from sandbox.engine.gcp.errors import GcpError, InitFailedError, kept_in_state
from sandbox.engine.gcp.model import (
    Change,
    OperationContext,
    ResourceType,
    State,
    label_outputs,
    labels_to_send,
)
from sandbox.engine.gcp.rest import ApiError, Upload
from sandbox.engine.gcp.standard import coerced, without_empty
from sandbox.engine.protocol import Asset

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.engine.gcp.model import Settings
    from sandbox.engine.gcp.rest import Json

PRODUCT = "storage"
_CONDITIONS = {
    "age": "age",
    "createdBefore": "createdBefore",
    "customTimeBefore": "customTimeBefore",
    "daysSinceCustomTime": "daysSinceCustomTime",
    "daysSinceNoncurrentTime": "daysSinceNoncurrentTime",
    "matchesPrefixes": "matchesPrefix",
    "matchesStorageClasses": "matchesStorageClass",
    "matchesSuffixes": "matchesSuffix",
    "noncurrentTimeBefore": "noncurrentTimeBefore",
    "numNewerVersions": "numNewerVersions",
}


class Bucket(ResourceType):
    """A bucket."""

    pulumi_type = "gcp:storage/bucket:Bucket"
    autoname = "name"
    autoname_length = 222
    supported = frozenset(
        {
            "deletionPolicy",
            "forceDestroy",
            "labels",
            "lifecycleRules",
            "location",
            "name",
            "project",
            "publicAccessPrevention",
            "softDeletePolicy",
            "storageClass",
            "uniformBucketLevelAccess",
            "versioning",
        }
    )
    replace = frozenset({"name", "location", "project"})
    local = frozenset({"deletionPolicy", "forceDestroy"})
    output_only = frozenset({"softDeletePolicy.effectiveTime"})
    defaults: ClassVar[Mapping[str, Any]] = {
        "forceDestroy": False,
        "softDeletePolicy.retentionDurationSeconds": 604800,
        "storageClass": "STANDARD",
    }
    computed = frozenset(
        {
            "project",
            "publicAccessPrevention",
            "softDeletePolicy",
            "softDeletePolicy.effectiveTime",
            "uniformBucketLevelAccess",
            "versioning",
        }
    )
    unordered = frozenset({"lifecycleRules"})

    def normalize(self, pattern: str, value: Any) -> Any:
        """Ignore the case of locations."""
        return value.upper() if pattern == "location" and isinstance(value, str) else value

    def body(self, inputs: State, settings: Settings) -> Json:
        """Return the request body."""
        body: Json = {
            "labels": labels_to_send(inputs, settings),
            "lifecycle": {"rule": [_rule_out(rule) for rule in inputs.get("lifecycleRules") or []]},
            "location": inputs["location"],
            "name": inputs["name"],
            "storageClass": inputs["storageClass"],
        }
        access: Json = {}
        if inputs.get("uniformBucketLevelAccess") is not None:
            access["uniformBucketLevelAccess"] = {"enabled": inputs["uniformBucketLevelAccess"]}
        if inputs.get("publicAccessPrevention") is not None:
            access["publicAccessPrevention"] = inputs["publicAccessPrevention"]
        if access:
            body["iamConfiguration"] = access
        if inputs.get("softDeletePolicy") is not None:
            policy = cast("Json", inputs["softDeletePolicy"])
            body["softDeletePolicy"] = {key: value for key, value in policy.items() if key != "effectiveTime"}
        if inputs.get("versioning") is not None:
            body["versioning"] = inputs["versioning"]
        return body

    def create(self, context: OperationContext, inputs: State) -> tuple[str, State]:
        """Create the bucket and read it back."""
        body = self.body(inputs, context.settings)
        context.rest.send("POST", PRODUCT, "b", query={"project": str(inputs["project"])}, body=body)
        name = str(inputs["name"])
        with kept_in_state("the bucket", name, inputs):
            _get(context, f"b/{name}")  # the real plugin reads twice
            return self._read_back(context, name, inputs)

    def _read_back(self, context: OperationContext, name: str, inputs: State) -> tuple[str, State]:
        found = self.read(context, name, inputs)
        if found is None:
            message = f"the bucket {name} was created but could not be read"
            raise InitFailedError(message, name, {})
        return found

    def read(self, context: OperationContext, identifier: str, state: State) -> tuple[str, State] | None:
        """Read the bucket."""
        name = identifier.rpartition("/")[2]
        found = _get(context, f"b/{name}")
        if found is None:
            return None
        access = cast("Json", found.get("iamConfiguration") or {})
        fields = self.sdk.inputs.fields
        rules = cast("list[Json]", cast("Json", found.get("lifecycle") or {}).get("rule") or [])
        outputs: State = {
            **{key: state.get(key) for key in self.local},
            **label_outputs(state, cast("dict[str, str]", found.get("labels") or {}), context.settings),
            "lifecycleRules": [_rule_in(rule) for rule in rules],
            "location": found.get("location"),
            "name": found.get("name"),
            "project": state.get("project") or context.settings.project,
            "projectNumber": int(found["projectNumber"]) if found.get("projectNumber") else None,
            "publicAccessPrevention": access.get("publicAccessPrevention"),
            "selfLink": found.get("selfLink"),
            "softDeletePolicy": coerced(fields["softDeletePolicy"], found.get("softDeletePolicy")),
            "storageClass": found.get("storageClass"),
            "timeCreated": found.get("timeCreated"),
            "uniformBucketLevelAccess": cast("Json", access.get("uniformBucketLevelAccess") or {}).get(
                "enabled"
            ),
            "updated": found.get("updated"),
            "url": f"gs://{name}",
            "versioning": coerced(fields["versioning"], found.get("versioning")),
        }
        return name, {key: value for key, value in outputs.items() if value is not None}

    def update(
        self, context: OperationContext, identifier: str, inputs: State, state: State, changes: list[Change]
    ) -> State:
        """Patch the changed blocks."""
        blocks = {
            "lifecycleRules": "lifecycle",
            "publicAccessPrevention": "iamConfiguration",
            "uniformBucketLevelAccess": "iamConfiguration",
        }
        tops = {change.top for change in changes} - self.local
        if tops:
            body = self.body(inputs, context.settings)
            sent: Json = {blocks.get(top, top): body.get(blocks.get(top, top)) for top in sorted(tops)}
            if "labels" in tops:  # the API merges labels: a removed one must be sent as null
                dropped = set(cast("State", state.get("labels") or {})) - set(body["labels"])
                sent["labels"] = {**body["labels"], **dict.fromkeys(sorted(dropped))}
            context.rest.send("PATCH", PRODUCT, f"b/{identifier}", body=sent)
        return self._read_back(context, identifier, inputs)[1]

    def delete(self, context: OperationContext, identifier: str, state: State) -> None:
        """Delete an empty bucket; with `forceDestroy` delete its objects first."""
        _get(context, f"b/{identifier}/anywhereCaches/", generated=True)
        listed = _get(context, f"b/{identifier}/o", {"versions": "true"})
        items = cast("list[Json]", (listed or {}).get("items") or [])
        if items and not state.get("forceDestroy"):
            message = (
                f"cannot delete bucket {identifier}: it contains objects.\n"
                "fix: delete them, or set forceDestroy to true"
            )
            raise GcpError(message)
        for item in items:
            query = {"generation": str(item["generation"])} if item.get("generation") else {}
            _delete(context, f"b/{identifier}/o/{quote(str(item['name']), safe='')}", query)
        _delete(context, f"b/{identifier}")


def _rule_out(rule: State) -> Json:
    condition = cast("State", rule.get("condition") or {})
    sent = {api: condition[name] for name, api in _CONDITIONS.items() if condition.get(name) is not None}
    if condition.get("withState") in {"LIVE", "ARCHIVED"}:
        sent["isLive"] = condition["withState"] == "LIVE"
    return {"action": without_empty(cast("Json", rule.get("action") or {})), "condition": sent}


def _rule_in(rule: Json) -> State:
    condition = cast("Json", rule.get("condition") or {})
    found: State = {name: condition[api] for name, api in _CONDITIONS.items() if api in condition}
    if "isLive" in condition:
        found["withState"] = "LIVE" if condition["isLive"] else "ARCHIVED"
    return {"action": dict(cast("Json", rule.get("action") or {})), "condition": found}


class BucketObject(ResourceType):
    """An object, from a file or a text. Its Pulumi id is `bucket-name`."""

    pulumi_type = "gcp:storage/bucketObject:BucketObject"
    autoname = "name"
    supported = frozenset(
        {
            "bucket",
            "cacheControl",
            "content",
            "contentDisposition",
            "contentEncoding",
            "contentLanguage",
            "contentType",
            "deletionPolicy",
            "detectMd5hash",
            "metadata",
            "name",
            "source",
            "storageClass",
        }
    )
    replace = frozenset(
        {
            "bucket",
            "cacheControl",
            "contentDisposition",
            "contentEncoding",
            "contentLanguage",
            "contentType",
            "metadata",
            "name",
            "source",
            "storageClass",
        }
    )
    local = frozenset({"content", "deletionPolicy", "source"})
    defaults: ClassVar[Mapping[str, Any]] = {"detectMd5hash": "different hash"}
    computed = frozenset({"contentType", "storageClass"})
    _fields = (
        "cacheControl",
        "contentDisposition",
        "contentEncoding",
        "contentLanguage",
        "metadata",
        "storageClass",
    )

    def failures(self, inputs: State) -> list[tuple[str, str]]:
        """Require exactly one source that can be read."""
        given = [name for name in ("content", "source") if inputs.get(name) is not None]
        if len(given) != 1:
            return [("source", "exactly one of source and content must be set")]
        source = inputs.get("source")
        if not isinstance(source, Asset) or "text" in source.fields:
            return []
        path = source.fields.get("path")
        if path is None:
            return [("source", "must be a file or a text: the sandbox's gcp plugin cannot create archives")]
        return [] if Path(path).is_file() else [("source", f"file not found: {path}")]

    def normalize(self, pattern: str, value: Any) -> Any:
        """Compare an asset by its hash."""
        return value.fields.get("hash") if pattern == "source" and isinstance(value, Asset) else value

    def equivalent(self, pattern: str, old: Any, new: Any, inputs: State, state: State) -> bool:
        """Content is compared by hash, in `extra_changes`; an imported object has no source."""
        return (pattern == "source" and old is None) or pattern in {"content", "detectMd5hash"}

    def extra_changes(self, state: State, inputs: State) -> list[Change]:
        """Detect that the object's content differs: another text, or a change on the server."""
        content, current = inputs.get("content"), state.get("md5hash")
        if isinstance(content, str):
            changed = current is not None and _md5(content.encode()) != current
            return [Change(path="content", pattern="content", kind="UPDATE")] if changed else []
        # For a diff the engine passes a file's hash, not the file; `detectMd5hash` is the uploaded content's.
        if state.get("detectMd5hash") in {None, current}:
            return []
        return [Change(path="detectMd5hash", pattern="detectMd5hash", kind="UPDATE")]

    def create(self, context: OperationContext, inputs: State) -> tuple[str, State]:
        """Upload the object with its metadata and read it back."""
        content = _content(inputs)
        if content is None:
            message = "the object's content is not known"
            raise GcpError(message)
        bucket, name = str(inputs["bucket"]), str(inputs["name"])
        metadata: Json = {"bucket": bucket}
        metadata.update({key: inputs[key] for key in self._fields if inputs.get(key) is not None})
        upload = Upload(
            metadata=metadata,
            content=content,
            content_type=str(inputs.get("contentType") or _sniffed(content)),
        )
        path = f"b/{bucket}/o"
        query = {"name": name, "uploadType": "multipart"}
        context.rest.send("POST", PRODUCT, path, query=query, body=upload)
        state = {**inputs, "detectMd5hash": _md5(content)}
        with kept_in_state("the object", f"{bucket}-{name}", state):
            found = self.read(context, f"{bucket}-{name}", state)
        if found is None:
            message = f"the object {name} was uploaded to {bucket} but could not be read"
            raise InitFailedError(message, f"{bucket}-{name}", {})
        return found

    def read(self, context: OperationContext, identifier: str, state: State) -> tuple[str, State] | None:
        """Read the object's metadata."""
        bucket, name = state.get("bucket"), state.get("name")
        if not bucket or not name:
            message = (
                f"an object cannot be imported by its id ({identifier!r}), which does not contain its bucket"
            )
            raise GcpError(message)
        found = _get(context, f"b/{bucket}/o/{quote(str(name), safe='')}")
        if found is None:
            return None
        md5 = found.get("md5Hash")
        outputs: State = {
            **{key: state.get(key) for key in self.local},
            **{
                key: found.get(key)
                for key in (*self._fields, "contentType", "crc32c", "mediaLink", "selfLink")
            },
            "bucket": bucket,
            "detectMd5hash": state.get("detectMd5hash") or md5,
            "generation": int(found["generation"]) if found.get("generation") else None,
            "md5hash": md5,
            "md5hexhash": base64.b64decode(md5).hex() if md5 else None,
            "name": name,
            "outputName": found.get("name"),
        }
        return f"{bucket}-{name}", {key: value for key, value in outputs.items() if value is not None}

    def update(
        self, context: OperationContext, identifier: str, inputs: State, state: State, changes: list[Change]
    ) -> State:
        """Upload again: an object's content cannot be patched."""
        if {change.top for change in changes} == {"deletionPolicy"}:
            return {**state, "deletionPolicy": inputs.get("deletionPolicy")}
        return self.create(context, inputs)[1]

    def delete(self, context: OperationContext, identifier: str, state: State) -> None:
        """Delete the object."""
        _delete(context, f"b/{state['bucket']}/o/{quote(str(state['name']), safe='')}")


def _content(inputs: State) -> bytes | None:
    """Return the content of an object; None if it is not known."""
    source = inputs.get("source")
    if isinstance(source, Asset):
        text = source.fields.get("text")
        return text.encode() if text is not None else Path(source.fields["path"]).read_bytes()
    content = inputs.get("content")
    return content.encode() if isinstance(content, str) else None


def _md5(content: bytes) -> str:
    return base64.b64encode(hashlib.md5(content, usedforsecurity=False).digest()).decode()


def _sniffed(content: bytes) -> str:
    """Return the type that the real plugin's client finds in the content (WHATWG MIME sniffing)."""
    start = content[:512]
    if start.startswith(b"PK\x03\x04"):
        return "application/zip"
    binary = any(byte < 0x20 and byte not in b"\t\n\x0c\r\x1b" for byte in start)
    return "application/octet-stream" if binary else "text/plain; charset=utf-8"


def _get(
    context: OperationContext, path: str, query: Mapping[str, str] | None = None, *, generated: bool = False
) -> Json | None:
    try:
        return context.rest.get(PRODUCT, path, query, generated=generated)
    except ApiError as error:
        if error.status == 404:
            return None
        raise


def _delete(context: OperationContext, path: str, query: Mapping[str, str] | None = None) -> None:
    try:
        context.rest.send("DELETE", PRODUCT, path, query=query)
    except ApiError as error:
        if error.status != 404:
            raise
