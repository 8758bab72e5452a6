"""The fix for a creation that failed although Google has the object, beside the plugin's error, which names
none.

After the error 409 Google has it for certain: another tool created it, or an `up` ended between the creation
and its record. Without an answer, or after an error of Google's own (5xx), Google may have created it.
`python -m ops import` looks, and imports it.
"""

from __future__ import annotations

import re

import pulumi

from user_errors import add_fix

EXISTS = re.compile(r"Error 409")
REJECTED = re.compile(r"Error 4\d\d")
"""Google's answer was that it does not create the object. Without such an answer, it may have."""
ABORTED = re.compile(r"ABORTED|contention|underlying data changed", re.IGNORECASE)
"""Other meanings of 409: another change of the same object was under way."""


async def name_the_command(failed: pulumi.ErrorHookArgs) -> bool:
    """Log the fix if a creation failed and the object exists, or may exist; never repeats the creation."""
    error = failed.errors[0]
    if failed.failed_operation != "create" or ABORTED.search(error):
        return False
    stack = pulumi.get_stack()
    if EXISTS.search(error):
        what = f"exists on Google, but not in the state of the stack {stack}"
    elif REJECTED.search(error):
        return False
    else:
        what = f"may exist on Google, but is not in the state of the stack {stack}"
    pulumi.log.error(
        add_fix(
            f"{failed.name}: {what}.",
            f".venv/bin/python -m ops import --stack {stack}\npulumi up -s {stack}",
        )
    )
    return False


def hook(component: str) -> pulumi.ErrorHook:
    """The hook for the resources of one component. Names of hooks are unique in a program."""
    return pulumi.ErrorHook(f"{component}-already-exists", name_the_command)


def hooks(component: str) -> pulumi.ResourceHookBinding:
    """The hook alone, as the option `hooks` of a resource."""
    return pulumi.ResourceHookBinding(on_error=[hook(component)])
