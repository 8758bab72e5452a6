"""Credentials and addresses that must be refused: rows of `tests.bad_settings`."""

from __future__ import annotations

from tests.bad_rows import Bad, put

SETTINGS: tuple[Bad, ...] = (
    Bad(
        name="both Railway tokens",
        key="RAILWAY_TOKEN",
        fix="unset RAILWAY_TOKEN",
        environ={"RAILWAY_TOKEN": "sandbox-project-token"},
    ),
    Bad(
        name="no Railway token",
        key="RAILWAY_API_TOKEN",
        fix="export RAILWAY_API_TOKEN=",
        environ={"RAILWAY_API_TOKEN": None},
    ),
    Bad(
        name="project token without its project",
        key="whatsapp-crm:railwayProjectId",
        fix=put("railwayProjectId"),
        environ={"RAILWAY_API_TOKEN": None, "RAILWAY_TOKEN": "sandbox-project-token"},
    ),
    Bad(
        name="plain Railway token in the config",
        key="railway:token",
        fix="pulumi config set --secret railway:token",
        config={"railway:token": "sandbox-account-token"},
    ),
    Bad(
        name="token over plain HTTP",
        key="RAILWAY_API_URL",
        fix="unset RAILWAY_API_URL",
        environ={"RAILWAY_API_URL": "http://railway.example/graphql/v2"},
    ),
    Bad(
        name="half an address for Railway",
        key="RAILWAY_API_URL",
        fix="unset RAILWAY_API_URL",
        environ={"RAILWAY_API_URL": "https://["},
    ),
    Bad(
        name="password in the address of Railway",
        key="RAILWAY_API_URL",
        fix="unset RAILWAY_API_URL",
        environ={"RAILWAY_API_URL": "https://user:password@railway.example/graphql/v2"},
    ),
    Bad(
        name="address of Railway in the stack's file",
        key="railway:apiUrl",
        fix="pulumi config rm railway:apiUrl",
        config={"railway:apiUrl": "https://railway.example/graphql/v2"},
    ),
    Bad(
        name="a user's service as address of Railway",
        key="railway:apiUrl",
        fix="pulumi config rm railway:apiUrl",
        config={"railway:apiUrl": "https://backboard.up.railway.app/graphql/v2"},
    ),
    Bad(
        name="address of Google in the stack's file",
        key="gcp:secretManagerCustomEndpoint",
        fix="pulumi config rm gcp:secretManagerCustomEndpoint",
        config={"gcp:secretManagerCustomEndpoint": "https://google.example/v1/"},
    ),
    Bad(
        name="another universe in the stack's file",
        key="gcp:universeDomain",
        fix="pulumi config rm gcp:universeDomain",
        config={"gcp:universeDomain": "google.example"},
    ),
    Bad(
        name="address of Google without encryption",
        key="GOOGLE_IAM_BETA_CUSTOM_ENDPOINT",
        fix="unset GOOGLE_IAM_BETA_CUSTOM_ENDPOINT",
        environ={"GOOGLE_IAM_BETA_CUSTOM_ENDPOINT": "http://google.example/v1/"},
    ),
    Bad(
        name="token of two lines for Railway",
        key="RAILWAY_API_TOKEN",
        fix="export RAILWAY_API_TOKEN=",
        environ={"RAILWAY_API_TOKEN": "sandbox-account\ntoken"},
    ),
    Bad(
        name="token of two lines for Google",
        key="GOOGLE_OAUTH_ACCESS_TOKEN",
        fix='export GOOGLE_OAUTH_ACCESS_TOKEN="$(gcloud auth print-access-token)"',
        environ={"GOOGLE_OAUTH_ACCESS_TOKEN": "ya29.a\nb"},
    ),
    Bad(
        name="half an address of a proxy",
        key="HTTPS_PROXY",
        fix="unset HTTPS_PROXY",
        environ={"HTTPS_PROXY": "http://user:password@[proxy"},
    ),
    Bad(
        name="sandbox stack without the sandbox",
        key="GOOGLE_FIRESTORE_CUSTOM_ENDPOINT",
        fix='eval "$(.venv/bin/python -m sandbox env)"',
        environ={"GOOGLE_FIRESTORE_CUSTOM_ENDPOINT": None},
    ),
    Bad(
        name="no Google credentials",
        key="GOOGLE_APPLICATION_CREDENTIALS",
        fix="gcloud auth application-default login",
        config={"googleProject": "crm-of-a-company"},
        environ={"GOOGLE_FIRESTORE_CUSTOM_ENDPOINT": None, "GOOGLE_OAUTH_ACCESS_TOKEN": None},
    ),
    Bad(
        name="Google credentials in a missing file",
        key="GOOGLE_APPLICATION_CREDENTIALS",
        fix="unset GOOGLE_APPLICATION_CREDENTIALS && gcloud auth application-default login",
        config={"googleProject": "crm-of-a-company"},
        environ={
            "GOOGLE_FIRESTORE_CUSTOM_ENDPOINT": None,
            "GOOGLE_OAUTH_ACCESS_TOKEN": None,
            "GOOGLE_APPLICATION_CREDENTIALS": "/no/such/key.json",
        },
    ),
    Bad(
        name="shell of another Google project",
        key="GOOGLE_PROJECT",
        fix="unset GOOGLE_PROJECT",
        environ={"GOOGLE_PROJECT": "crm-of-another"},
    ),
)
