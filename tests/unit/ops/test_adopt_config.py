"""What an adoption writes into the stack's file: what the file does not set; no value on a command line."""

from __future__ import annotations

import base64
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from ops import stack
from ops.adopt import first_settings, google, google_secrets, proposals, stack_config
from ops.adopt.live import Live
from ops.adopt.proposals import Proposal
from ops.adopt.stack_config import StackFile
from tests.unit.ops.google_project import BASE, FUNCTIONS, REGION, Project, declared, named

pytestmark = pytest.mark.unit

FILE = """\
config:
  whatsapp-crm:googleProject: crm
  whatsapp-crm:region: your-functions-region
  whatsapp-crm:railwayWorkspaceId: your-railway-workspace-id
  whatsapp-crm:healthPath: /health
  whatsapp-crm:volumeBackups: [DAILY]
  whatsapp-crm:functionServiceAccounts:
    europe-west1/send: sender@
  whatsapp-crm:backendVariables:
    LOG:
      secure: v1:abc
"""


@pytest.fixture
def file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> StackFile:
    """The file of a stack."""
    (tmp_path / "Pulumi.prod.yaml").write_text(FILE)
    monkeypatch.setattr(stack, "PROJECT", tmp_path)
    return StackFile("org/prod")


def proposal(key: str, part: str = "", value: str = "x", *, secret: bool = False) -> Proposal:
    return Proposal(key=key, part=part, value=value, secret=secret, reason="it is live")


@pytest.mark.parametrize(
    ("one", "chosen"),
    [
        (proposal("healthPath"), True),
        (proposal("region"), False),
        (proposal("rootDirectory"), False),
        (proposal("volumeBackups", "[1]"), True),
        (proposal("backendVariables", ".LOG", secret=True), True),
        (proposal("backendVariables", ".DSN", secret=True), False),
        (proposal("functionServiceAccounts", '["europe-west1/send"]'), True),
        (proposal("functionServiceAccounts", '["europe-west1/sync"]'), False),
    ],
)
def test_what_the_file_sets_is_a_choice(file: StackFile, one: Proposal, chosen: bool) -> None:
    assert file.chooses(one) is chosen


def test_placeholders_are_no_choice(file: StackFile) -> None:
    assert file.placeholders() == ["region", "railwayWorkspaceId"]
    assert file.value("region") is None
    assert file.strings("volumeBackups") == ("DAILY",)
    assert StackFile("other").placeholders() == []


def test_a_damaged_file_is_an_error(file: StackFile) -> None:
    (stack.PROJECT / "Pulumi.prod.yaml").write_text("config: [")
    with pytest.raises(stack.StackError, match="correct Pulumi"):
        StackFile("prod")
    assert file.value("googleProject") == "crm"


@dataclass
class Cli:
    """The Pulumi CLI, which adds a line to the file that it is given.

    Args:
        code: its exit code.
        killed_after: after this number of commands, the program is killed.
    """

    code: int = 0
    killed_after: int | None = None
    calls: list[tuple[tuple[str, ...], str]] = field(default_factory=list[tuple[tuple[str, ...], str]])

    def __call__(self, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        if self.killed_after == len(self.calls):
            raise SystemExit
        start, option, file, *rest = arguments[:4], *arguments[4:6], *arguments[6:]
        assert (start[0], start[2:], option) == ("config", ("--stack", "prod"), "--config-file")
        with Path(file).open("a") as output:
            output.write(f"# {rest[-1]}\n")
        self.calls.append(((start[1], *rest), stdin))
        return subprocess.CompletedProcess(arguments, self.code, stdout="", stderr="error: no such stack")


def test_values_go_to_the_cli_by_its_stdin(file: StackFile, monkeypatch: pytest.MonkeyPatch) -> None:
    cli = Cli()
    monkeypatch.setattr(stack, "pulumi", cli)
    stack_config.write(
        "prod",
        [
            proposal("backendVariables", ".DSN", "hush\n", secret=True),
            proposal("functionServiceAccounts", '["eu/send"]', "sender@"),
            proposal("volumeSizeGb", "", "50"),
            proposal("railwayWorkspaceId", "", ""),
        ],
    )
    sender = 'whatsapp-crm:functionServiceAccounts["eu/send"]'
    assert cli.calls == [
        (("set", "--path", "--secret", "whatsapp-crm:backendVariables.DSN"), "hush\n\n"),
        (("set", "--path", "--type", "string", sender), "sender@\n"),
        (("set", "--plaintext", "whatsapp-crm:volumeSizeGb"), "50\n"),
        (("rm", "whatsapp-crm:railwayWorkspaceId"), ""),
    ]
    written = (stack.PROJECT / "Pulumi.prod.yaml").read_text()
    assert written == FILE + "".join(f"# {arguments[-1]}\n" for arguments, _ in cli.calls)


PATTERNS = [proposal("watchPatterns", f"[{number}]", f"{number}/**") for number in range(3)]


def test_a_kill_between_the_items_of_a_list_writes_none(
    file: StackFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half of the list would be a choice, which the next run does not complete."""
    written = stack.PROJECT / "Pulumi.prod.yaml"
    monkeypatch.setattr(stack, "pulumi", Cli(killed_after=2))
    # SIGKILL leaves the copy.
    monkeypatch.setattr(Path, "unlink", lambda *_, **__: None)
    with pytest.raises(SystemExit):
        stack_config.write("prod", PATTERNS)
    assert written.read_text() == FILE
    assert len(list(stack.PROJECT.iterdir())) == 2
    assert not any(StackFile("prod").chooses(one) for one in PATTERNS)
    monkeypatch.undo()
    monkeypatch.setattr(stack, "PROJECT", written.parent)
    monkeypatch.setattr(stack, "pulumi", Cli())
    stack_config.write("prod", PATTERNS)
    expected = "".join(f"# whatsapp-crm:watchPatterns[{number}]\n" for number in range(3))
    assert written.read_text() == FILE + expected
    assert list(stack.PROJECT.iterdir()) == [written]


def test_an_edit_during_the_write_is_kept(file: StackFile, monkeypatch: pytest.MonkeyPatch) -> None:
    written = stack.PROJECT / "Pulumi.prod.yaml"

    def edited(*_: str, **__: str) -> subprocess.CompletedProcess[str]:
        written.write_text("config: {}\n")
        return subprocess.CompletedProcess((), 0, stdout="", stderr="")

    monkeypatch.setattr(stack, "pulumi", edited)
    with pytest.raises(stack.StackError, match="was edited"):
        stack_config.write("prod", PATTERNS)
    assert written.read_text() == "config: {}\n"
    assert list(stack.PROJECT.iterdir()) == [written]


def test_a_linked_file_stays_a_link_with_its_mode(file: StackFile, monkeypatch: pytest.MonkeyPatch) -> None:
    own, link = stack.PROJECT / "own.yaml", stack.PROJECT / "Pulumi.prod.yaml"
    link.rename(own)
    own.chmod(0o640)
    link.symlink_to(own)
    monkeypatch.setattr(stack, "pulumi", Cli())
    stack_config.write("prod", PATTERNS)
    assert link.is_symlink()
    assert own.read_text() != FILE
    assert own.stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize("one", [proposal("a", "", "hush", secret=True), proposal("a", "", "")])
def test_a_failed_write_has_a_fix_without_the_value(
    file: StackFile, monkeypatch: pytest.MonkeyPatch, one: Proposal
) -> None:
    monkeypatch.setattr(stack, "pulumi", Cli(code=1))
    with pytest.raises(stack.StackError) as failed:
        stack_config.write("prod", [one])
    assert f"fix: {one.command} --stack prod" in str(failed.value)
    assert "hush" not in str(failed.value)
    assert (stack.PROJECT / "Pulumi.prod.yaml").read_text() == FILE


@pytest.mark.parametrize(("live_repo", "keys"), [("a/crm", ["repo"]), ("a/crm, b/crm", [])])
def test_two_repositories_of_a_service_are_no_setting(live_repo: str, keys: list[str]) -> None:
    found = proposals.of_property("ServiceSettings", "repo", live_repo)
    assert [one.key for one in found] == keys


def live(*places: str, **answers: Any) -> Live:
    """A project with functions at region/name."""
    paths = [f"{BASE}/locations/{one.replace('/', '/functions/')}" for one in places]
    return Live(Project({FUNCTIONS: {"functions": named(paths)}, **answers}), "crm")


def test_the_placeholders_of_google_are_filled(file: StackFile) -> None:
    found = list(first_settings.of_google(file, live("us-central1/a", "eu/b", "us-central1/c")))
    assert [(one.key, one.value) for one in found] == [("region", "us-central1")]
    assert list(first_settings.of_google(file, live())) == []


def test_the_region_and_the_location_of_today_are_proposed() -> None:
    function = declared(google.FUNCTION, "send", {"location": REGION, "name": "send"})
    config = {"whatsapp-crm:region": REGION, "whatsapp-crm:firestoreLocation": "nam5"}.get
    database = {f"{BASE}/databases/(default)": {"locationId": "eur3"}}
    found = first_settings.of_preview([function], live("us-central1/send", **database), config)
    assert [(one.key, one.value) for one in found] == [
        ("region", "us-central1"),
        ("firestoreLocation", "eur3"),
    ]
    database = {f"{BASE}/databases/(default)": {"locationId": "nam5"}}
    assert not list(first_settings.of_preview([function], live(f"{REGION}/send", **database), config))
    both = live(f"{REGION}/send", "us-central1/send", **database)
    assert not list(first_settings.of_preview([function], both, config))


def test_a_region_that_would_replace_what_the_state_has_is_not_proposed() -> None:
    """After an import that was killed, one function is in the state."""
    functions = [
        declared(google.FUNCTION, name, {"location": REGION, "name": name}, op=operation)
        for name, operation in (("send", "update"), ("receive", "create"))
    ]
    config = {"whatsapp-crm:region": REGION, "whatsapp-crm:firestoreLocation": "nam5"}.get
    both = live(f"{REGION}/send", "us-central1/receive")
    assert not list(first_settings.of_preview(functions, both, config))


@pytest.mark.parametrize(
    ("today", "proposed"),
    [
        (
            '{"projectId":"crm","databaseURL":"https://d","storageBucket":"b"}',
            ["storageBucket", "databaseUrl"],
        ),
        ('{"projectId":"crm","storageBucket":"ours"}', []),
        ("[]", []),
        ("not JSON", []),
    ],
)
@pytest.mark.parametrize("operation", ["create", "update"])
def test_what_firebase_config_has_today_is_proposed(today: str, proposed: list[str], operation: str) -> None:
    """firebase-tools fills it from the project; without the setting, `bucket()` would fail at run time."""
    function = declared(google.FUNCTION, "send", {"location": REGION, "name": "send"}, op=operation)
    config = {"whatsapp-crm:region": REGION, "whatsapp-crm:storageBucket": "ours"}.get
    path = f"{BASE}/locations/{REGION}/functions"
    functions = [
        {"name": f"{path}/send", "serviceConfig": {"environmentVariables": {"FIREBASE_CONFIG": today}}},
        {"name": f"{path}/other"},
    ]
    project = Live(Project({FUNCTIONS: {"functions": functions}}), "crm")
    found = list(first_settings.of_preview([function], project, config))
    assert [one.key for one in found] == proposed


def test_a_manifest_names_the_secrets_that_functions_bind() -> None:
    manifest = {
        "endpoints": {
            "a": {"secretEnvironmentVariables": [{"key": "KEY"}, {"key": "DSN", "secret": "SENTRY"}]},
            "b": {},
        }
    }
    assert list(google_secrets.bound(manifest)) == ["KEY", "SENTRY"]
    assert list(google_secrets.bound({})) == []


@pytest.mark.parametrize(
    ("entry", "read"),
    [
        ({"callableTrigger": {}}, True),
        ({"eventTrigger": {"eventType": "google.cloud.firestore.document.v1.created"}}, True),
        ({"platform": "gcfv1", "httpsTrigger": {}}, False),
        ({"taskQueueTrigger": {}}, True),
        ({"blockingTrigger": {"eventType": "google.firebase.ailogic.v1.beforeGenerate"}}, False),
        ({"blockingTrigger": {"eventType": "providers/cloud.auth/eventTypes/user.beforeCreate"}}, True),
        ({"eventTrigger": {"eventType": "google.cloud.pubsub.topic.v1.messagePublished"}}, True),
        ({"eventTrigger": {"eventType": "com.example.paid"}}, False),
    ],
)
def test_secrets_of_functions_that_are_not_deployed_stay_theirs(entry: dict[str, Any], read: bool) -> None:
    """With the secret in the config, the `up` would take it from them."""
    own = {**entry, "secretEnvironmentVariables": [{"key": "KEY"}]}
    assert list(google_secrets.bound({"endpoints": {"a": own}})) == ["KEY"] * read


def test_only_the_secrets_that_the_config_lacks_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    api = Project(
        {
            f"{BASE}/secrets": {
                "secrets": named([f"{BASE}/secrets/{name}" for name in ("KEY", "OFF", "SET")])
            },
            f"{BASE}/secrets/KEY/versions/latest:access": {
                "name": f"{BASE}/secrets/KEY/versions/3",
                "payload": {"data": base64.b64encode(b"hush").decode()},
            },
        }
    )
    monkeypatch.setattr(
        google_secrets, "needed", lambda _: google_secrets.Needed("crm", ["ABSENT", "KEY", "OFF"])
    )
    (found,), absent = google_secrets.missing("prod", api)
    assert (found.part, found.value, found.secret) == (".KEY", "hush", True)
    assert "hush" not in repr(found)
    assert "version 3" in found.reason
    assert absent == ["ABSENT", "OFF"]
    assert f"{BASE}/secrets/SET/versions/latest:access" not in api.called
