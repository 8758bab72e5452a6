"""The fixes after Railway rejected a token, and what a project token can never do."""

from __future__ import annotations

from railway.graphql.credentials import TokenKind

NOT_WITH_PROJECT_TOKEN = {
    "ProjectsFind": "find projects",
    "TokenWorkspaces": "find workspaces",
    "ProjectCreate": "create a project",
    "ProjectUpdate": "update a project",
    "ProjectDelete": "delete a project",
    "EnvironmentCreate": "create an environment",
    "EnvironmentRename": "rename an environment",
    "EnvironmentDelete": "delete an environment",
}
"""The operations that a project token can never do."""


def token_advice(operation: str, message: str, kind: TokenKind) -> str:
    """The fix after Railway rejected a token.

    Args:
        operation: the name of the operation.
        message: Railway's message.
        kind: the kind of the token.
    """
    if kind == "project":
        return _project_token_advice(operation, message)
    if operation == "EnvironmentCreate":
        return (
            "use an account token in RAILWAY_API_TOKEN: some workspace tokens cannot create environments. "
            "Or create the environment in Railway's dashboard under the declared name, and run `pulumi up` "
            "again: it adopts the environment"
        )
    return (
        "check that the token is still valid and belongs to the workspace of this project. It is read from "
        "RAILWAY_API_TOKEN or, if that is not set, from railway:token of the stack. A workspace token can "
        "access only its own workspace, an account "
        "token all workspaces of its owner; a project token must be in RAILWAY_TOKEN instead"
    )


def _project_token_advice(operation: str, message: str) -> str:
    if "token not found" in message.lower():
        return (
            "Railway has no project token with the value of RAILWAY_TOKEN: create one in the project's "
            "settings on "
            "Railway, under Tokens. An account or workspace token must be in RAILWAY_API_TOKEN instead"
        )
    task = NOT_WITH_PROJECT_TOKEN.get(operation)
    if task is not None:
        # It can read only its own environment, so the declared one may exist.
        creates = operation == "EnvironmentCreate"
        alternative = "; or, if the environment exists already, use its project token" if creates else ""
        return (
            f"RAILWAY_TOKEN is a project token, which cannot {task}: unset it, and set RAILWAY_API_TOKEN to "
            f"an account token or to a token of the workspace{alternative}"
        )
    return (
        "RAILWAY_TOKEN is a project token, which can access only its own environment. Use a token that "
        "was created for this environment (project settings on Railway, Tokens); or unset it, and set "
        "RAILWAY_API_TOKEN to an account token or to a token of the project's workspace"
    )
