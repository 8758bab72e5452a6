"""No job of a workflow that runs code of the checkout holds a right, an environment or a secret."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
import yaml

pytestmark = pytest.mark.unit

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / ".github" / "workflows"
WORKFLOWS = sorted(path.name for path in FOLDER.glob("*.y*ml"))
# Commands that run code of the app, of its packages, or whatever the checkout says.
RUNS_APP = re.compile(r"\b(?:npm|npx|node|yarn|pnpm|tsc|make)\b|ops discover\b")
RUNS_PROGRAM = re.compile(r"\bpython3?\b|\bpulumi (?:preview|up|refresh|destroy)\b|\bpip\b")
BASE = "${{ github.event.pull_request.base.sha }}"
SECRET = re.compile(
    r"\bsecrets\s*[.\[)]|\bgithub\s*(?:\.\s*token\b|\[\s*.?.token)|\"secrets\": \"inherit\"", re.IGNORECASE
)


def load(path: Path) -> dict[str, Any]:
    """A YAML file; `on:` is text here, not YAML 1.1's truth."""
    return cast("dict[str, Any]", yaml.load(path.read_text(), yaml.BaseLoader))  # noqa: S506  (plain texts only)


def jobs() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Every job with its workflow and its name."""
    for name in WORKFLOWS:
        for job, content in load(FOLDER / name)["jobs"].items():
            yield name, job, content


def steps(job: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The steps of a job, with those of the actions in this repository."""
    for step in job.get("steps", []):
        yield step
        if step.get("uses", "").startswith("./"):
            yield from load(ROOT / step["uses"] / "action.yml")["runs"]["steps"]


def commands(job: dict[str, Any]) -> str:
    """All that a job runs, without comments."""
    return re.sub(r"(?m)^\s*#.*$", "", "\n".join(step.get("run", "") for step in steps(job)))


def holds(job: dict[str, Any], workflow: dict[str, Any]) -> list[str]:
    """What a job has that its code could take. `contents: read` reads the repository, which it has.

    A job has its workflow's `env`, and what the actions in this repository get.
    """
    rights = job.get("permissions")
    assert isinstance(rights, dict), "a job states its rights"
    found = [f"{name}: {level}" for name, level in cast("dict[str, str]", rights).items()]
    found = [right for right in found if right != "contents: read"]
    if "environment" in job:
        found.append("environment")
    if SECRET.search(json.dumps([job, workflow.get("env"), [step.get("env") for step in steps(job)]])):
        found.append("secret")
    return found


JOBS = [pytest.param(name, job, content, id=f"{name}-{job}") for name, job, content in jobs()]


@pytest.mark.parametrize(("name", "job", "content"), JOBS)
def test_a_job_that_runs_code_of_the_app_holds_nothing(name: str, job: str, content: dict[str, Any]) -> None:
    if RUNS_APP.search(commands(content)):
        assert holds(content, load(FOLDER / name)) == []


@pytest.mark.parametrize(("name", "job", "content"), JOBS)
def test_a_job_with_rights_runs_the_program_of_main_only(
    name: str, job: str, content: dict[str, Any]
) -> None:
    """The program's own code: of the base in a pull request, else of the branch that is deployed."""
    if not holds(content, load(FOLDER / name)) or not RUNS_PROGRAM.search(commands(content)):
        return
    checkouts = [step for step in steps(content) if step.get("uses", "").startswith("actions/checkout@")]
    assert len(checkouts) == 1
    (checkout,) = checkouts
    assert checkout["with"]["persist-credentials"] == "false"
    if "pull_request" in load(FOLDER / name)["on"]:
        assert checkout["with"]["ref"] == BASE
    else:
        assert "ref" not in checkout["with"]
        assert content["if"] == "github.ref == 'refs/heads/main'"


def test_the_rule_sees_the_jobs_that_it_is_about() -> None:
    """Or it would prove nothing."""
    running = {(name, job) for name, job, content in jobs() if RUNS_APP.search(commands(content))}
    assert running == {("checks.yml", "checks"), ("discover.yml", "discover")}
    holding = {(name, job) for name, job, content in jobs() if holds(content, load(FOLDER / name))}
    assert holding == {
        ("deploy.yml", "discover"), ("deploy.yml", "plan"), ("deploy.yml", "up"), ("discover.yml", "source"),
        ("drift.yml", "discover"), ("drift.yml", "drift"), ("preview.yml", "comment"),
        ("preview.yml", "discover"), ("preview.yml", "preview"),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("workflow", "job"),
    [
        ({"env": {"TOKEN": "${{ secrets.TOKEN }}"}}, {}),
        ({"env": {"TOKEN": "${{ github.token }}"}}, {}),
        ({"env": "${{ fromJSON(toJSON(secrets)) }}"}, {}),
        ({}, {"env": {"TOKEN": "${{ secrets['TOKEN'] }}"}}),
        ({}, {"steps": [{"run": "npm ci", "env": {"TOKEN": "${{ SECRETS.TOKEN }}"}}]}),
        ({}, {"secrets": "inherit", "uses": "./.github/workflows/x.yml"}),
    ],
)
def test_a_secret_is_seen_wherever_a_job_gets_it(workflow: dict[str, Any], job: dict[str, Any]) -> None:
    assert holds({"permissions": {}, **job}, workflow) == ["secret"]
    assert holds({"permissions": {}}, {"env": {"A": "1"}}) == []


@pytest.mark.parametrize(("name", "job", "content"), JOBS)
def test_a_called_workflow_gets_one_secret_and_only_its_job_without_code_has_it(
    name: str, job: str, content: dict[str, Any]
) -> None:
    called = content.get("uses")
    if called is None:
        return
    assert called == "./.github/workflows/discover.yml"
    assert content["secrets"] == {"APP_READ_TOKEN": "${{ secrets.APP_READ_TOKEN }}"}
    assert content["permissions"] == {"contents": "read"}
    source = load(FOLDER / "discover.yml")["jobs"]["source"]
    assert [step["run"] for step in steps(source) if "run" in step] == [
        'tar --create --file "$RUNNER_TEMP/source.tar" --exclude .git .'
    ]


@pytest.mark.parametrize(("name", "job", "content"), JOBS)
def test_pulumi_runs_with_the_results_of_discovery(name: str, job: str, content: dict[str, Any]) -> None:
    for step in steps(content):
        if re.search(r"\bpulumi (?:preview|up)\b", step.get("run", "")):
            assert step["env"]["CRM_DISCOVERED"] == "${{ runner.temp }}/discovered"


def test_the_preview_of_a_pull_request_has_no_token_for_railway() -> None:
    assert "RAILWAY_API_TOKEN" not in (FOLDER / "preview.yml").read_text()


def test_the_job_that_comments_reads_the_report_as_data() -> None:
    """The report is the one of the preview: the code in Discovery can upload an artifact of the same name."""
    jobs_of_preview = load(FOLDER / "preview.yml")["jobs"]
    comment, preview = jobs_of_preview["comment"], jobs_of_preview["preview"]
    assert "needs.preview.outputs.uploaded == 'success'" in comment["if"]
    (upload,) = [step for step in preview["steps"] if step.get("id") == "upload"]
    assert (upload["with"]["name"], upload["with"]["overwrite"]) == ("preview", "true")
    assert [step["run"] for step in comment["steps"] if "run" in step] == [
        'python3 -m ops.ci_report comment --pull-request "$PULL_REQUEST" < "$RUNNER_TEMP/report.md"'
    ]
    assert "${{" not in json.dumps([step.get("run") for step in comment["steps"]])


def test_packages_run_no_script_while_they_are_installed() -> None:
    for name, job, content in jobs():
        for line in commands(content).splitlines():
            if "npm ci" in line:
                assert "--ignore-scripts" in line, f"{name} {job}"
