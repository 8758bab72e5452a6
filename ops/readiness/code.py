"""Section A of the runbook, the code: what is deployed is what was reviewed, once."""

from __future__ import annotations

from ops.readiness.context import Context
from ops.readiness.findings import counted, failed, passed, some, unknown
from ops.readiness.model import Finding
from user_errors import shell_word

MAIN = "main"
_GOOD = {"success", "neutral", "skipped"}
_RUNNING = {"queued", "in_progress", "pending", "waiting", "requested", "expected"}
"""Conclusions and statuses of check runs, and states of commit statuses (GitHub's REST docs)."""
_NONE_RUNS = "no deployment of the backend runs"


def merged(context: Context) -> Finding:
    """A1: the deployed commit is the newest of main. Railway names the commit, GitHub the head."""
    running = context.running
    if running is None:
        return failed(_NONE_RUNS, context.up, follows=("C5",))
    repository = str(context.declared.service.get("repo") or "")
    deployed = context.seen(f"Railway: the commit of deployment {running.id}", running.commit or "none")
    if not running.commit:
        return unknown("Railway does not say which commit runs", context.up, deployed)
    github = context.github()
    head = github.head(repository, MAIN)
    newest = context.seen(f"GitHub: the head of {MAIN} of {repository}", head)
    if head != running.commit:
        relation, ahead = github.ahead(repository, running.commit, MAIN)
        compared = context.seen(
            f"GitHub: compare {running.commit[:7]}...{MAIN}", f"{relation}, {ahead} ahead"
        )
        if relation == "ahead":
            found = f"{running.commit[:7]} runs; {MAIN} is {counted(ahead, 'commit')} ahead, at {head[:7]}"
        else:
            found = f"{running.commit[:7]} runs, which is not in {MAIN}: {relation}"
        return failed(found, _deploy(context), deployed, newest, compared)
    pulls = github.pull_requests(repository, head)
    shown = some((f"#{number} {'merged' if done else 'open'}" for number, done in pulls), ", ")
    review = context.seen(f"GitHub: pull requests with {head[:7]}", shown or "none")
    return passed(f"{head[:7]} runs, the head of {MAIN} of {repository}", deployed, newest, review)


def branch(context: Context) -> Finding:
    """A2: pushes to main are deployed, not those to a feature branch."""
    triggers = context.snapshot.triggers(context.declared.service_id)
    shown = ", ".join(f"{one.branch} of {one.repository}" for one in triggers) or "none"
    seen = context.seen("Railway: the deployment triggers of the backend", shown)
    if not triggers:
        return failed("no push is deployed: the service has no deployment trigger", context.refresh, seen)
    wrong = [one for one in triggers if one.branch != MAIN]
    if not wrong:
        return passed(f"the service deploys {shown}", seen)
    declared = str(context.declared.service.get("branch") or MAIN)
    fix = context.refresh
    if declared != MAIN:
        fix = f"pulumi config set whatsapp-crm:branch {MAIN} -s {shell_word(context.stack)}\n{fix}"
    return failed(f"the service deploys from {wrong[0].branch}, not from {MAIN}", fix, seen)


def one_instance(context: Context) -> Finding:
    """A3: one instance is configured, and one runs. Two would open the same WhatsApp sessions."""
    configured = context.instance.node.get("numReplicas")
    setting = context.seen("Railway: the configured number of instances", configured)
    if configured not in (None, 1):  # Railway's default is 1
        found = f"{configured} instances are configured; WhatsApp sessions allow one"
        return failed(found, context.refresh, setting)
    running = context.running
    if running is None:
        return failed(_NONE_RUNS, context.up, setting, follows=("C5",))
    states = context.instances(running.id)
    seen = context.seen(f"Railway: the instances of deployment {running.id}", ", ".join(states) or "none")
    alive = states.count("RUNNING")
    if alive == 1:
        return passed("one instance is configured, and one runs", setting, seen)
    fix = "restart the deployment in Railway's dashboard, then look at its log"
    if alive > 1:
        fix = context.refresh
    return failed(f"{counted(alive, 'instance')} of {running.id} run, not one", fix, setting, seen)


def checks(context: Context) -> Finding:
    """A4: GitHub's checks of the deployed commit succeeded."""
    running = context.running
    if running is None:
        return failed(_NONE_RUNS, context.up, follows=("C5",))
    if not running.commit:
        return unknown("Railway does not say which commit runs", context.up)
    repository = str(context.declared.service.get("repo") or "")
    results = context.github().checks(repository, running.commit)
    shown = some((f"{name}: {result}" for name, result in sorted(results.items())), ", ")
    seen = context.seen(f"GitHub: the checks of {running.commit[:7]} of {repository}", shown or "none")
    bad = [f"{name}: {result}" for name, result in sorted(results.items()) if result not in _GOOD]
    if not results:
        return failed(
            f"GitHub ran no check of {running.commit[:7]}",
            f"add a workflow that runs on pushes to {MAIN} of {repository}",
            seen,
        )
    if bad:
        waiting = all(results[one.rpartition(": ")[0]] in _RUNNING for one in bad)
        fix = "make the checks of the commit succeed on GitHub, or deploy one whose checks did"
        return failed(some(bad), fix, seen, waiting=waiting)
    return passed(f"{counted(len(results), 'check')} of {running.commit[:7]} succeeded", seen)


def _deploy(context: Context) -> str:
    return (
        "In Railway's dashboard, deploy the newest commit: the service, Cmd+K, Deploy latest commit; "
        f"then look again:\n{context.again('--only A')}"
    )
