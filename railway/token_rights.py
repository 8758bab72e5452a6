"""What each kind of token may do at Railway, and which one would do when one may not. Pure.

    account token      Authorization: Bearer    all that its owner may do
    workspace token    Authorization: Bearer    all in its workspace; reported: cannot make environments
    project token      Project-Access-Token     one environment of one project, and nothing above it

Sources: Railway docs, integrations/api; the reports in Railway's help station. Refuses to guess whether a
bearer token is an account's or a workspace's: Railway does not say, so the advice names both.
"""

from __future__ import annotations

from railway.graphql.credentials import TokenKind

ABOVE_AN_ENVIRONMENT = {
    "ProjectsFind": "look for projects",
    "TokenWorkspaces": "look for workspaces",
    "ProjectCreate": "make a project",
    "ProjectUpdate": "change a project",
    "ProjectDelete": "delete a project",
    "EnvironmentCreate": "make an environment",
    "EnvironmentRename": "rename an environment",
    "EnvironmentDelete": "delete an environment",
}
"""The operations that no project token may do, by name."""


def advice(operation: str, message: str, kind: TokenKind) -> str:
    """What to do after Railway refused a token.

    Args:
        operation: the operation name.
        message: Railway's words.
        kind: how the token was sent.
    """
    if kind == "project":
        return _project_token(operation, message)
    if operation == "EnvironmentCreate":
        return (
            "use an account token in RAILWAY_API_TOKEN: Railway lets not every workspace token make "
            "environments; or make the environment in Railway's dashboard under the declared name, and run "
            "`pulumi up` again: it is taken as it is"
        )
    return (
        "check that the token (RAILWAY_API_TOKEN, else railway:token of the stack) is alive and belongs to "
        "the workspace of this project; a workspace token sees its own workspace only, an account token all "
        "of its owner's; a project token goes into RAILWAY_TOKEN instead"
    )


def _project_token(operation: str, message: str) -> str:
    if "token not found" in message.lower():
        return (
            "RAILWAY_TOKEN is no living project token: make one in the project's settings on Railway, under "
            "Tokens; an account or workspace token goes into RAILWAY_API_TOKEN instead"
        )
    task = ABOVE_AN_ENVIRONMENT.get(operation)
    if task is not None:
        # It sees no other environment, so that the declared one may well be there.
        there = operation == "EnvironmentCreate"
        other = "; or take a project token of that environment, if it exists already" if there else ""
        return (
            f"RAILWAY_TOKEN is a project token, and no project token may {task}: unset it, and set "
            f"RAILWAY_API_TOKEN to an account token or to a token of the project's workspace{other}"
        )
    return (
        "RAILWAY_TOKEN is a project token: it works inside its own environment only. Take one of this "
        "project and environment (project settings on Railway, Tokens); or unset it, and set "
        "RAILWAY_API_TOKEN to an account token or to a token of the project's workspace"
    )
