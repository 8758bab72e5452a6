"""The resource provider of `command.local.Command` and `command.local.run`.

The `remote` module and collected files (`asset_paths`, `archive_paths`) are not supported: they are errors in
the preview.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any, cast

import grpc

from sandbox.engine.command.run import CommandError, CommandLine, Output, run
from sandbox.engine.plugin import ProviderPlugin
from sandbox.engine.protocol import (
    Secret,
    Unknown,
    Value,
    contains_unknown,
    empty_pb2,
    from_struct,
    provider_pb2,
    to_struct,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

COMMAND = "command:local:Command"
RUN = "command:local:run"
_OUTPUTS = ("stdout", "stderr")
_LIBRARY_KEY, _LIBRARY_VERSION = "__pulumi-go-provider-version", "1.2.0"  # of pulumi-command 1.2.1
_LOGGING = {
    "stdout": (True, False),
    "stderr": (False, True),
    "stdoutAndStderr": (True, True),
    "none": (False, False),
}
_KINDS: dict[str, tuple[type, str]] = {
    "stdin": (str, "a string"),
    "logging": (str, "a string"),
    "interpreter": (list, "a list"),
    "dir": (str, "a string"),
    "environment": (dict, "a map"),
    "addPreviousOutputInEnv": (bool, "a boolean"),
}
_COMMAND_KINDS = {
    **_KINDS,
    "create": (str, "a string"),
    "update": (str, "a string"),
    "delete": (str, "a string"),
    "triggers": (list, "a list"),
}
_RUN_KINDS = {**_KINDS, "command": (str, "a string")}
_UNSUPPORTED = {"assetPaths", "archivePaths"}


def unwrap_secrets(value: Any) -> Any:
    """Return a value without its secret marks, at any depth."""
    if isinstance(value, Secret):
        return unwrap_secrets(value.value)
    if isinstance(value, dict):
        return {key: unwrap_secrets(item) for key, item in cast("dict[str, Value]", value).items()}
    if isinstance(value, list):
        return [unwrap_secrets(item) for item in cast("list[Value]", value)]
    return value


def failures(inputs: Mapping[str, Value], kinds: Mapping[str, tuple[type, str]]) -> list[tuple[str, str]]:
    """Return the errors in the inputs, as pairs of property and reason."""
    found: list[tuple[str, str]] = []
    for key, value in inputs.items():
        unwrapped = unwrap_secrets(value)
        if key in _UNSUPPORTED:
            found.append(
                (key, "the sandbox's command plugin does not collect files; read them from stdout instead")
            )
        elif key not in kinds:
            found.append((key, f"unknown property; known properties: {', '.join(sorted(kinds))}"))
        elif unwrapped is not None and not isinstance(unwrapped, Unknown | kinds[key][0]):
            found.append((key, f"must be {kinds[key][1]}"))
        elif key == "logging" and isinstance(unwrapped, str) and unwrapped not in _LOGGING:
            found.append((key, f"must be one of {', '.join(_LOGGING)}"))
        elif key == "environment" and not contains_unknown(unwrapped):
            invalid = sorted(
                name
                for name, item in cast("dict[str, Value]", unwrapped or {}).items()
                if not isinstance(item, str)
            )
            found.extend((f"environment.{name}", "must be a string") for name in invalid)
    return found


def _line(text: str, inputs: Mapping[str, Any]) -> CommandLine:
    stdout, stderr = _LOGGING[str(inputs.get("logging") or "stdoutAndStderr")]
    previous = inputs.get("addPreviousOutputInEnv")
    return CommandLine(
        text=text,
        interpreter=[str(part) for part in inputs.get("interpreter") or ()],
        stdin=str(inputs.get("stdin") or ""),
        directory=inputs.get("dir"),
        environment=inputs.get("environment") or {},
        add_previous_output=previous is not False,
        log_stdout=stdout,
        log_stderr=stderr,
    )


class CommandPlugin(ProviderPlugin):
    """The provider. Values arrive with secret marks, which the recorded inputs keep."""

    def __init__(self, *, version: str, engine_address: str) -> None:
        super().__init__(version=version, engine_address=engine_address, accept_secrets=True)

    def CheckConfig(
        self, request: provider_pb2.CheckRequest, context: grpc.ServicerContext
    ) -> provider_pb2.CheckResponse:
        """Record the version of the library, as the real plugin does, which else updates the provider."""
        config = {**from_struct(request.news), _LIBRARY_KEY: _LIBRARY_VERSION}
        return provider_pb2.CheckResponse(inputs=to_struct(config))

    def Check(
        self, request: provider_pb2.CheckRequest, context: grpc.ServicerContext
    ) -> provider_pb2.CheckResponse:
        """Check the inputs."""
        if request.type not in {"", COMMAND}:
            context.abort(
                grpc.StatusCode.UNIMPLEMENTED, f"the sandbox's command plugin does not support {request.type}"
            )
        found = failures(from_struct(request.news), _COMMAND_KINDS)
        return provider_pb2.CheckResponse(
            inputs=request.news,
            failures=[provider_pb2.CheckFailure(property=key, reason=reason) for key, reason in found],
        )

    def Diff(
        self, request: provider_pb2.DiffRequest, context: grpc.ServicerContext
    ) -> provider_pb2.DiffResponse:
        """A changed input is an update; changed triggers are a replacement."""
        olds, news = (
            unwrap_secrets(from_struct(request.old_inputs or request.olds)),
            unwrap_secrets(from_struct(request.news)),
        )
        changed = sorted(key for key in _COMMAND_KINDS if olds.get(key) != news.get(key))
        response = provider_pb2.DiffResponse(
            changes=provider_pb2.DiffResponse.DIFF_SOME if changed else provider_pb2.DiffResponse.DIFF_NONE,
            diffs=changed,
            replaces=[key for key in changed if key == "triggers"],
            hasDetailedDiff=True,
        )
        for key in changed:
            kind = "ADD" if key not in olds else "DELETE" if key not in news else "UPDATE"
            name = f"{kind}_REPLACE" if key == "triggers" else kind
            response.detailedDiff[key].kind = provider_pb2.PropertyDiff.Kind.Value(name)
        return response

    def Create(
        self, request: provider_pb2.CreateRequest, context: grpc.ServicerContext
    ) -> provider_pb2.CreateResponse:
        """Run the create command."""
        inputs = from_struct(request.properties)
        name = request.urn.rpartition("::")[2]
        if request.preview:
            return provider_pb2.CreateResponse(properties=_outputs(inputs, None))
        output = self._run(inputs, ("create",), Output(), request.urn, context)
        return provider_pb2.CreateResponse(
            id=f"{name}{secrets.token_hex(4)}", properties=_outputs(inputs, output)
        )

    def Update(
        self, request: provider_pb2.UpdateRequest, context: grpc.ServicerContext
    ) -> provider_pb2.UpdateResponse:
        """Run the update command, or the create command if there is none."""
        inputs = from_struct(request.news)
        if request.preview:
            return provider_pb2.UpdateResponse(properties=_outputs(inputs, None))
        output = self._run(inputs, ("update", "create"), _previous(request.olds), request.urn, context)
        return provider_pb2.UpdateResponse(properties=_outputs(inputs, output))

    def Delete(self, request: provider_pb2.DeleteRequest, context: grpc.ServicerContext) -> empty_pb2.Empty:
        """Run the delete command, if there is one."""
        state = from_struct(request.properties)
        self._run(state, ("delete",), _previous(request.properties), request.urn, context)
        return empty_pb2.Empty()

    def Read(
        self, request: provider_pb2.ReadRequest, context: grpc.ServicerContext
    ) -> provider_pb2.ReadResponse:
        """Return the state unchanged: a command cannot be read."""
        return provider_pb2.ReadResponse(id=request.id, properties=request.properties, inputs=request.inputs)

    def Invoke(
        self, request: provider_pb2.InvokeRequest, context: grpc.ServicerContext
    ) -> provider_pb2.InvokeResponse:
        """Run a command unconditionally (`command.local.run`)."""
        if request.tok != RUN:
            context.abort(
                grpc.StatusCode.UNIMPLEMENTED, f"the sandbox's command plugin does not support {request.tok}"
            )
        inputs = from_struct(request.args)
        found = failures(inputs, _RUN_KINDS)
        if found:
            return provider_pb2.InvokeResponse(
                failures=[provider_pb2.CheckFailure(property=key, reason=reason) for key, reason in found]
            )
        output = self._run(inputs, ("command",), Output(), "", context)
        response = provider_pb2.InvokeResponse()
        getattr(response, "return").CopyFrom(
            _outputs(inputs, output)
        )  # a keyword cannot be written as an attribute
        return response

    def _run(
        self,
        inputs: Mapping[str, Value],
        keys: tuple[str, ...],
        previous: Output,
        urn: str,
        context: grpc.ServicerContext,
    ) -> Output:
        unwrapped = unwrap_secrets(inputs)
        text = next((unwrapped[key] for key in keys if unwrapped.get(key) is not None), None)
        if text is None:
            return previous
        try:
            return run(_line(text, unwrapped), previous, lambda line: self.log(urn, line, ephemeral=True))
        except CommandError as error:
            context.abort(grpc.StatusCode.UNKNOWN, str(error))


def _previous(state: Any) -> Output:
    found = unwrap_secrets(from_struct(state))
    return Output(stdout=str(found.get("stdout") or ""), stderr=str(found.get("stderr") or ""))


def _outputs(inputs: Mapping[str, Value], output: Output | None) -> Any:
    """Return inputs and output, which is unknown in a preview.

    The output is not secret even if an input is, as with the real plugin (recorded from 1.2.1).
    """
    printed: dict[str, Value] = {
        key: Unknown.value if output is None else getattr(output, key) for key in _OUTPUTS
    }
    return to_struct({**inputs, **printed})
