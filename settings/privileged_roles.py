"""IAM roles that the accounts of backend and functions must not have in the whole project, with the reason.

With one of them, code that runs in production could gain more rights, read all secrets, or undo what this
program protects. Sources: Google's IAM documentation ("Roles for service account authentication", "Service
agents"), and published lists for privilege escalation (Rhino Security Labs' GCP-IAM-Privilege-Escalation,
Sonar S6408, Prowler bc_gcp_iam_10).

Roles that are not listed are allowed. So is a custom role, whose permissions are not known here.
"""

from __future__ import annotations

import re

_ACTS_AS = "lets its holder act as other service accounts of the project"
_RUNS_CODE = "lets its holder run code as other service accounts of the project"
_POLICY = "lets its holder grant any role to anybody"
_REPLACES_CODE = "lets its holder replace the code that runs as other service accounts of the project"
_CHANGES_PROGRAM = "lets its holder change what this program deploys, such as the security rules"

READ_ONLY_BASIC_ROLES = ("viewer", "reader", "browser")
"""The roles without a service in their name (Google's basic roles, and Browser) that change nothing."""

# Pattern of the role's name without `roles/`, in lower case -> why; the first one that matches.
_REASONS: tuple[tuple[str, str], ...] = (
    # A role without a service is a basic role: owner, editor, admin, writer, and what Google adds to them.
    (
        rf"(?!(?:{'|'.join(READ_ONLY_BASIC_ROLES)})$)[^.]*",
        "gives access to nearly everything; name the roles that are needed",
    ),
    (r".*\.serviceagent|.*serviceagent", "is only for Google's own service agents"),
    (
        r"iam\.serviceaccount(?:openid)?tokencreator",
        f"{_ACTS_AS}. For custom tokens set functionsMayCreateTokens; the backend signs with its own key",
    ),
    (r"iam\.serviceaccount(?!viewer).*|iam\.workloadidentity(?!.*viewer).*|iam\.devops", _ACTS_AS),
    (r"iam\.(?!.*viewer$|.*reviewer$).*", f"{_POLICY}, or change which grants apply"),
    (r"privilegedaccessmanager\.(?!.*viewer$).*|orgpolicy\..*admin.*|iap\.admin", _POLICY),
    (r"resourcemanager\.(?!.*viewer).*", f"{_POLICY}, or change the project itself"),
    (
        r"secretmanager\.(?!viewer).*",
        "reads or changes every secret of the project. A function gets access to the secrets that it binds",
    ),
    # Of what uses keys only the check of a signature is allowed: cloudkms.signerVerifier signs too.
    (
        r"cloudkms\.(?!.*viewer$|verifier$).*",
        "works with every key of the project, perhaps also with that of Pulumi's state. Grant it on the key",
    ),
    (
        r"storage\.admin",
        (
            "changes every bucket of the project and its access, such as those of Pulumi's state and of the "
            "functions' sources. Use roles/storage.objectUser, or grant it on the bucket"
        ),
    ),
    (
        r"storage\.hmackeyadmin|serviceusage\.apikeys.*",
        "creates or reads keys of other accounts of the project",
    ),
    (r"serviceusage\.serviceusageadmin", "can disable the APIs of the project"),
    (r"firebaserules\.(?!viewer).*|firebase\.(?:admin|developadmin)", _CHANGES_PROGRAM),
    (
        (
            # The images of the functions, and what is rolled out from a source or a pipeline.
            r"artifactregistry\.(?!.*reader$|.*viewer$).*|clouddeploy\.(?!.*viewer$).*"
            r"|firebaseapphosting\.(?:admin|developer)|dataform\.(?!.*viewer$|.*reader$).*"
        ),
        _REPLACES_CODE,
    ),
    (
        (
            r"cloudbuild\.(?!.*viewer).*|deploymentmanager\.(?!.*viewer).*|config\.(?:admin|agent)"
            r"|cloudfunctions\.(?:admin|developer)|run\.(?:admin|developer|builder|sourcedeveloper)"
            # With overrides, a run of a job has any command, and the account of the job.
            r"|run\.jobsexecutorwithoverrides|workflows\.(?:admin|editor)|batch\.jobs(?:admin|editor)"
            r"|compute\.(?:admin|instanceadmin.*|osadminlogin|oslogin)|appengine\.app(?:admin|creator)"
            # OS Config runs scripts as root on virtual machines, whose metadata server gives tokens.
            r"|osconfig\.(?:.*admin|.*editor|patchjobexecutor)|workstations\.(?:.*admin|workstationcreator)"
            r"|appengine\.(?:deployer|serviceadmin)|container\.(?:admin|clusteradmin|developer)"
            r"|gkehub\.(?:.*admin|.*editor)|tpu\.admin|lifesciences\.(?!.*viewer$).*"
            r"|data(?:flow|proc)\.(?:admin|developer|editor)|datafusion\.admin|composer\.(?!.*viewer).*"
            r"|notebooks\.(?:.*admin|runner)|aiplatform\.admin"
        ),
        _RUNS_CODE,
    ),
)


def reason(role: str) -> str | None:
    """Why the role is refused, as the end of a sentence that begins with it; None if it is allowed.

    Letter case does not matter: a spelling that Google rejects is refused with the reason too.

    Example:
        >>> reason("roles/Editor")
        'gives access to nearly everything; name the roles that are needed'
    """
    name = role.strip().lower()
    if not name.startswith("roles/"):
        return None
    name = name.removeprefix("roles/")
    return next((why for pattern, why in _REASONS if re.fullmatch(pattern, name)), None)
