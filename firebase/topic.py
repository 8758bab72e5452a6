"""A Pub/Sub topic whose messages a function receives: made if there is none, and never changed or deleted.

Runbook: "functions Deployed". The topic of the code often exists already, with publishers and subscriptions
of others. As the Firebase CLI does (15.34, `Fabricator.createV2Function`), the program makes sure that there
is one, and owns nothing of it: not its labels, its retention or its policy. pulumi-gcp's `pubsub.Topic` would
fail where the topic exists, reset what it does not declare, and delete the topic with the function.

The class path `firebase.topic.PubSubTopicProvider` is in the state of every stack that uses it. Renaming the
module or the class breaks refresh and delete of existing stacks.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pulumi
from pulumi import dynamic
from pulumi.output import contains_unknowns

from firebase.errors import GoogleError
from firebase.rest import GoogleApi, shared_api
from user_errors import Provider, add_fix

if TYPE_CHECKING:
    from collections.abc import Mapping

FIELDS = ("project", "topic")
NOT_FOUND = 404
CONFLICT = 409

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class PubSubTopicArgs:
    """The project id, and the short name of the topic."""

    project: pulumi.Input[str]
    topic: pulumi.Input[str]


def exists(api: GoogleApi, project: str, topic: str) -> bool:
    """Whether there is the topic.

    Raises:
        GoogleError: it could not be read.
    """
    path, operation = f"projects/{project}/topics/{topic}", f"read the Pub/Sub topic {topic} of {project}"
    try:
        api.call("GET", "pubsub", path, operation=operation, repeatable=True)
    except GoogleError as error:
        if error.status == NOT_FOUND and error.reason == "NOT_FOUND":  # not the 404 page of a proxy
            return False
        raise
    return True


def ensure(api: GoogleApi, project: str, topic: str) -> None:
    """Create the topic, unless it exists.

    Raises:
        GoogleError: there is no topic, and it could not be created.
    """
    if exists(api, project, topic):
        return
    path, operation = f"projects/{project}/topics/{topic}", f"create the Pub/Sub topic {topic} of {project}"
    try:
        api.call("PUT", "pubsub", path, operation=operation, body={}, repeatable=True)
    except GoogleError as error:
        if error.status != CONFLICT:  # another program was faster, or the first of two attempts had an effect
            raise


class PubSubTopicProvider(Provider):
    """The provider of `PubSubTopic`."""

    def check(self, _olds: dict[str, Any], news: dict[str, Any]) -> dynamic.CheckResult:
        """Require both names."""
        failures = [
            dynamic.CheckFailure(key, add_fix("must not be empty", f"pass {key}"))
            for key in FIELDS
            if not contains_unknowns(news.get(key)) and not news.get(key)
        ]
        return dynamic.CheckResult(news, failures)

    def diff(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> dynamic.DiffResult:
        """Another name is another topic."""
        changed = [
            key
            for key in FIELDS
            if not contains_unknowns(news.get(key)) and str(olds.get(key) or "") != str(news.get(key) or "")
        ]
        return dynamic.DiffResult(changes=bool(changed), replaces=changed)

    def create(self, props: dict[str, Any]) -> dynamic.CreateResult:
        """Create the topic, or leave the existing one as it is."""
        fields = _fields(props)
        ensure(shared_api(), **fields)
        return dynamic.CreateResult(_name(fields), fields)

    def read(self, id_: str, props: dict[str, Any]) -> dynamic.ReadResult:
        """Look whether the topic exists: one that somebody deleted is created again by the next `up`."""
        fields = _fields(props)
        if not exists(shared_api(), **fields):
            return dynamic.ReadResult(None, {})
        return dynamic.ReadResult(id_, fields, dict(fields))

    def delete(self, _id: str, props: dict[str, Any]) -> None:
        """Keep the topic and log a warning."""
        # On stderr, which the CLI shows: pulumi.log has no engine in this process.
        _log.warning(
            add_fix(
                "The Pub/Sub topic %(topic)s of %(project)s is kept: others may publish to it or subscribe.",
                "gcloud pubsub topics delete %(topic)s --project %(project)s  # if nobody uses it",
            ),
            _fields(props),
        )


def _fields(props: Mapping[str, Any]) -> dict[str, str]:
    return {key: str(props.get(key) or "") for key in FIELDS}


def _name(fields: Mapping[str, str]) -> str:
    return f"projects/{fields['project']}/topics/{fields['topic']}"


class PubSubTopic(dynamic.Resource, module="firebase", name="PubSubTopic"):
    """A topic that exists after the `up`.

    Example:
        PubSubTopic("payments", PubSubTopicArgs(project="my-crm", topic="payments"))
    """

    project: pulumi.Output[str]
    topic: pulumi.Output[str]

    def __init__(self, name: str, args: PubSubTopicArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(PubSubTopicProvider(), name, dict(vars(args)), opts)
