"""What is written about the program is true of it: paths, links, commands and settings in the documents, the
workflows."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
import yaml

from ops.ci_report import SECRET_VARIABLES
from sandbox.engine import toolchain
from sandbox.engine.starting import toolchain_folder
from settings.model import KEYS

pytestmark = pytest.mark.unit

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
ADOPT = (ROOT / "docs" / "adopt.md").read_text()
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
ACTIONS = sorted((ROOT / ".github" / "actions").glob("*/action.yml"))
PAGES = sorted(
    ROOT / name
    for name in subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"],
        cwd=ROOT, capture_output=True, check=True, text=True,
    ).stdout.splitlines()
    if (ROOT / name).is_file()
)  # fmt: skip
LONGEST_README = 1900  # words
PREFIX = "whatsapp-crm:"


def load(path: Path) -> dict[str, Any]:
    """A YAML file; `on:` is text here, not YAML 1.1's truth."""
    return cast("dict[str, Any]", yaml.load(path.read_text(), yaml.BaseLoader))  # noqa: S506  (plain texts only)


def steps() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every step of every workflow and action, with a name for it."""
    for path in WORKFLOWS:
        for job, content in load(path)["jobs"].items():
            for step in content.get("steps", []):  # a job that calls a workflow has none
                yield f"{path.name} {job}: {step.get('name')}", step
    for path in ACTIONS:
        for step in load(path)["runs"]["steps"]:
            yield f"{path.parent.name}: {step.get('name')}", step


PULUMI_STEPS = [
    pytest.param(step, id=where)
    for where, step in steps()
    if re.search(r"^\s*(pulumi |\S+ -m ops drift)", step.get("run", ""), re.MULTILINE)
]


def test_every_setting_in_a_command_exists() -> None:
    """`pulumi config set whatsapp-crm:...` anywhere in the documents."""
    used = {key for page in PAGES for key in re.findall(rf"{PREFIX}([A-Za-z]+)", page.read_text())} - {"KEY"}
    assert used
    assert used <= set(KEYS)


def anchors(page: Path) -> set[str]:
    """The anchors that GitHub makes of a page's headings."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def code_blocks(page: Path) -> str:
    """The text of a page's code blocks."""
    return "\n".join(re.findall(r"```\w*\n(.*?)```", page.read_text(), re.DOTALL))


each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())


@each_page
def test_every_make_target_that_is_named_exists(page: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"(?:`|^)make ([a-z]+)", page.read_text(), re.MULTILINE))
    assert named <= targets


@each_page
def test_every_link_leads_somewhere(page: Path) -> None:
    for target, anchor in re.findall(r"\]\(([^)#]*)(?:#([^)]*))?\)", page.read_text()):
        if "://" in target:
            continue
        linked = (page.parent / target).resolve() if target else page
        assert linked.exists(), target
        assert not anchor or anchor in anchors(linked), f"{target}#{anchor}"


@each_page
def test_every_path_that_is_named_exists(page: Path) -> None:
    """Of the repository: what begins with one of its folders. An app's own files are named as well."""
    ignored = {line.strip("/") for line in (ROOT / ".gitignore").read_text().splitlines()}
    folders = {path.name for path in ROOT.iterdir() if path.is_dir()} - ignored
    named = re.findall(r"`([\w.-]+(?:/[\w.-]+)*/?)`", page.read_text())
    paths = [name for name in named if "/" in name and name.split("/")[0] in folders]
    assert not [path for path in paths if not (ROOT / path).exists() and not (page.parent / path).exists()]


@pytest.mark.parametrize("package", ["sandbox", "ops"])
def test_every_command_of_ours_exists(package: str) -> None:
    """`python -m sandbox up` and the like, in any document."""
    pattern = rf"python -m {package} ([a-z]+)"
    commands = {command for page in PAGES for command in re.findall(pattern, page.read_text())}
    assert commands
    for command in commands:
        done = subprocess.run(
            [sys.executable, "-m", package, command, "--help"], cwd=ROOT, capture_output=True, check=False
        )
        assert done.returncode == 0, command


@each_page
def test_our_commands_can_be_copied(page: Path) -> None:
    """In a code block they name the Python that has the packages."""
    assert not re.findall(r"(?<!\.venv/bin/)\bpython3? -m (?:sandbox|ops|pytest)", code_blocks(page))


def test_the_readme_is_short_and_says_first_what_is_not_proven() -> None:
    assert len(README.split()) < LONGEST_README
    assert "nothing here has run against the live clouds" in "\n".join(README.splitlines()[:10])
    assert README.index("## You already have a production environment") < README.index(
        "## A new production environment"
    )


def test_every_file_in_the_tree_exists() -> None:
    tree = README.partition("## Layout\n\n```\n")[2].partition("```")[0]
    named = [line.split()[0] for line in tree.splitlines()]
    assert len(named) > 8
    assert not [name for name in named if not (ROOT / name).exists()]


def test_every_file_of_the_runbook_table_exists() -> None:
    page = (ROOT / "CONTRIBUTING.md").read_text()
    table = page.partition("| the runbook's line |")[2].partition("\n\n")[0]
    files = re.findall(r"`([\w/]+\.py)`", table)
    assert len(files) > 10
    assert not [name for name in files if not (ROOT / name).is_file()]


def test_no_two_boxes_of_the_graph_have_one_name() -> None:
    names = re.findall(r'class="name"[^>]*>([^<]+)<', (ROOT / "docs" / "graph.svg").read_text())
    assert len(names) > 10
    assert len(set(names)) == len(names)


def test_the_changelog_begins_with_this_version() -> None:
    (version,) = re.findall(r'^version = "(.+)"$', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    newest = re.search(r"^## \[(.+?)\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert newest
    assert newest[1] == version


def test_decisions_are_numbered_listed_and_whole() -> None:
    pages = sorted((ROOT / "docs" / "adr").glob("0*.md"))
    index = (ROOT / "docs" / "adr" / "README.md").read_text()
    assert [int(page.name[:4]) for page in pages] == list(range(1, len(pages) + 1))
    for page in pages:
        headings = re.findall(r"^## (.+)$", page.read_text(), re.MULTILINE)
        assert headings[:3] == ["Context", "Decision", "Consequences"], page.name
        assert headings[3].startswith("What would change it"), page.name
        assert page.read_text().startswith(f"# {page.name[:4]}. ")
        assert f"]({page.name})" in index


# --- the workflows


@pytest.mark.parametrize(
    "tool",
    [
        pytest.param([str(toolchain_folder() / "bin/actionlint"), "-no-color"], id="actionlint"),
        pytest.param(
            [".venv/bin/zizmor", "--offline", "--quiet", "--persona=pedantic", ".github"], id="zizmor"
        ),
    ],
)
def test_the_workflows_pass_their_linters(tool: list[str]) -> None:
    """`make setup` installs both; a machine without them has not run it."""
    done = subprocess.run(tool, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_functions_codebase_is_installed_and_built(tmp_path: Path) -> None:
    workflow = yaml.safe_load((ROOT / ".github/workflows/discover.yml").read_text())
    found = workflow["jobs"]["discover"]["steps"]
    step = next(step for step in found if "FUNCTIONS_DIR" in step.get("env", {}))
    npm = tmp_path / "npm"
    npm.write_text(f'#!/bin/sh\necho "$*" >> {tmp_path}/calls\ntest "$6" != bad\n')
    npm.chmod(0o755)
    path = f"{tmp_path}:{os.environ['PATH']}"

    def run(folders: str) -> list[str]:
        (tmp_path / "calls").write_text("")
        environment = {"PATH": path, "FUNCTIONS_DIR": folders}
        done = subprocess.run(["bash", "-e", "-c", step["run"]], env=environment, check=False)
        assert (done.returncode == 0) is ("bad" not in folders)
        return (tmp_path / "calls").read_text().splitlines()

    calls = [call.split() for call in run("app/one app/two")]
    assert [(call[0], call[-1]) for call in calls] == [
        ("ci", "app/one"),
        ("run", "app/one"),
        ("ci", "app/two"),
        ("run", "app/two"),
    ]
    assert len(run("bad app/two")) == 1


def test_every_action_is_pinned_and_the_same_everywhere() -> None:
    pins: dict[str, set[str]] = {}
    for path in [*WORKFLOWS, *ACTIONS]:
        for line in re.findall(r"^\s*(?:- )?uses: (.+)$", path.read_text(), re.MULTILINE):
            if line.startswith("./"):
                continue
            pin = re.fullmatch(r"([\w.-]+/[\w./-]+)@([0-9a-f]{40} # v\d+\.\d+\.\d+)", line)
            assert pin, f"{path.name}: {line}"
            pins.setdefault(pin[1], set()).add(pin[2])
    assert pins
    assert not {action: commits for action, commits in pins.items() if len(commits) > 1}


def test_nothing_is_permitted_but_by_the_job() -> None:
    for path in WORKFLOWS:
        workflow = load(path)
        assert workflow["permissions"] == {}, path.name
        assert all("permissions" in job for job in workflow["jobs"].values()), path.name


def test_no_secret_is_on_a_command_line() -> None:
    """Expressions are put into a script before the shell reads it: none at all stands in one."""
    assert not [where for where, step in steps() if "${{" in step.get("run", "")]


def test_the_job_that_comments_holds_no_secret() -> None:
    comment = (ROOT / ".github" / "workflows" / "preview.yml").read_text().partition("\n  comment:\n")[2]
    assert comment
    assert "secrets." not in comment
    assert "id-token" not in comment


def test_every_secret_of_a_step_is_cut_out_of_its_report() -> None:
    for where, step in steps():
        secret = {name for name, value in step.get("env", {}).items() if "secrets." in value}
        assert secret <= set(SECRET_VARIABLES), where
        if "ops.ci_report render" in step.get("run", ""):
            assert secret, where


def test_a_deployment_is_approved_and_not_stopped_in_the_middle() -> None:
    up = load(ROOT / ".github" / "workflows" / "deploy.yml")["jobs"]["up"]
    assert up["environment"] == "production"
    assert up["concurrency"]["cancel-in-progress"] == "false"
    assert int(up["timeout-minutes"]) > 120  # one index build


def test_forks_get_no_secret() -> None:
    for path in WORKFLOWS:
        workflow = load(path)
        assert "pull_request_target" not in workflow["on"], path.name
        if "pull_request" in workflow["on"]:
            for name, job in workflow["jobs"].items():
                if "secrets." in json.dumps(job):
                    assert "head.repo.full_name == github.repository" in job["if"], f"{path.name} {name}"


@pytest.mark.parametrize("code", [0, 1, 7])
@pytest.mark.parametrize("step", PULUMI_STEPS)
def test_the_exit_code_is_kept(step: dict[str, Any], code: int, tmp_path: Path) -> None:
    """The real script of the step, as GitHub runs it, with a `pulumi` and a Python that print and exit."""
    folder = tmp_path / "bin"
    for stand_in in (folder / "pulumi", tmp_path / ".venv" / "bin" / "python"):
        stand_in.parent.mkdir(parents=True)
        stand_in.write_text(
            '#!/bin/sh\nprintf "%s\\n" "$@" > "$RUNNER_TEMP/arguments"\n'
            f"echo out; echo err >&2\nexit {code}\n"
        )
        stand_in.chmod(0o755)
    environ = {
        "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}",
        "RUNNER_TEMP": str(tmp_path),
        "GITHUB_OUTPUT": str(tmp_path / "output"),
        "GITHUB_SHA": "0" * 40,
        "STACK": "prod",
    }
    script = tmp_path / "step.sh"
    script.write_text(step["run"])
    assert step["shell"] == "bash"  # with it GitHub adds pipefail, without it not
    done = subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", str(script)],
        env=environ,
        cwd=tmp_path,
        check=False,
    )
    assert done.returncode == code
    assert (tmp_path / "output").read_text() == f"code={code}\n"
    assert (tmp_path / "report.txt").read_text() == "out\nerr\n"
    arguments = (tmp_path / "arguments").read_text().splitlines()
    assert arguments[:3] == ["-m", "ops", "drift"] or "--non-interactive" in arguments


def test_the_workflows_have_the_names_of_the_page_on_ci() -> None:
    page = (ROOT / "docs" / "ci.md").read_text()
    for path in WORKFLOWS:
        assert f"| {load(path)['name']} (`{path.name}`) |" in page


def test_drift_detection_runs_the_readmes_command() -> None:
    (command,) = re.findall(r"^\.venv/bin/python -m ops drift --stack (?=prod$)", README, re.MULTILINE)
    (drift,) = [s["run"] for _, s in steps() if "-m ops drift" in s.get("run", "")]
    assert command + '"$STACK"' in drift


def test_one_version_of_pulumi() -> None:
    """The workflows' CLI, the sandbox's engine and the README name the same; Pulumi.yaml's minimum too."""
    module = (ROOT / "sandbox" / "engine" / "go.mod").read_text()
    (engine,) = re.findall(r"github\.com/pulumi/pulumi/pkg/v3 v([\d.]+)", module)
    (installed,) = [s["with"]["pulumi-version"] for _, s in steps() if "pulumi-version" in s.get("with", {})]
    assert installed == engine
    assert f"(CI uses {engine})" in README
    required = re.search(
        r'^requiredPulumiVersion: ">=(\d+\.\d+)', (ROOT / "Pulumi.yaml").read_text(), re.MULTILINE
    )
    assert required
    assert f"Pulumi CLI {required[1]} or later" in README
    assert f"Go {'.'.join(map(str, toolchain.GO_MINIMUM))} or later" in README


def test_the_documented_lines_of_an_adoption_are_the_printed_ones() -> None:
    (line,) = [line for line in ADOPT.splitlines() if line.startswith("- The block ")]
    source = (ROOT / "railway" / "adoption.py").read_text()
    quoted = {*re.findall(r"\*(keeps [^*]+)\*", line), *re.findall(r"`(adoption [^`]+)`", line)}
    assert quoted == {"adoption of the Railway project", "keeps the service", "keeps the volume"}
    assert all(text.removeprefix("keeps ") in source for text in quoted)
