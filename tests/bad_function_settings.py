"""Settings of functions that must be refused; see `tests.bad_settings`."""

from __future__ import annotations

from tests.bad_rows import Bad, one, put, put_part

_UNMANAGED = "'whatsapp-crm:unmanagedFunctions"

SETTINGS: tuple[Bad, ...] = (
    one(
        "functions' variables are a text",
        "functionVariables",
        "A=1",
        put_part("functionVariables.NAME"),
        cli=True,
    ),
    one(
        "reserved variable of functions",
        "functionVariables",
        {"K_SERVICE": "x"},
        "pulumi config rm --path 'whatsapp-crm:functionVariables.K_SERVICE'",
    ),
    Bad(
        name="secret among the variables of functions",
        key="whatsapp-crm:functionVariables",
        fix="pulumi config set --secret --path 'whatsapp-crm:secrets.NAME'",
        config={"functionVariables": {"GREETING": "hidden"}},
        secret=("functionVariables",),
    ),
    Bad(
        name="secret among the params of functions",
        key="whatsapp-crm:functionParams",
        fix="pulumi config rm --path 'whatsapp-crm:functionParams.NAME'",
        config={"functionParams": {"GREETING": {"text": ["hidden"]}}},
        secret=("functionParams",),
    ),
    one(
        "unmanaged function without a reason",
        "unmanagedFunctions",
        {"europe-west1/old": " "},
        f"pulumi config set --path --type string {_UNMANAGED}[\"europe-west1/old\"]' '<the reason>'",
    ),
    one(
        "unmanaged function that is no name",
        "unmanagedFunctions",
        {"europe-west1/": "moves in May"},
        f'pulumi config rm --path {_UNMANAGED}["europe-west1/"]\'',
    ),
    one("only changed in words", "updateOnlyChanged", "yes", put("updateOnlyChanged", "true"), cli=True),
    one("predeploy in words", "runPredeploy", "yes", put("runPredeploy", "true"), cli=True),
    one("no time for predeploy", "predeployTimeout", "0", put("predeployTimeout", "300")),
    one("a CPU quota of nothing", "functionsCpuQuota", "0", put("functionsCpuQuota", "200")),
    one("a CPU quota in words", "functionsCpuQuota", "many", put("functionsCpuQuota", "200")),
    one("a day for predeploy", "predeployTimeout", "86400", put("predeployTimeout", "300")),
)
