"""Waivers: decisions of a person to go to production without a line, with a reason and an end.

They are the setting `readinessWaivers` of the stack, so that they are reviewed with it:

    whatsapp-crm:readinessWaivers:
      C3: {reason: the sessions can be paired again, person: Ana, expires: 2027-01-31}
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping
from datetime import date
from typing import cast

from ops.readiness.model import Finding, Verdict, Waiver
from user_errors import shell_word

KEY = "whatsapp-crm:readinessWaivers"


def read(setting: Mapping[str, object]) -> dict[str, Waiver]:
    """The waivers by id. `settings.rules.check_waivers` has checked their form."""
    found: dict[str, Waiver] = {}
    for line, value in setting.items():
        fields = cast("Mapping[str, object]", value)
        found[line] = Waiver(
            reason=str(fields["reason"]),
            person=str(fields["person"]),
            expires=date.fromisoformat(str(fields["expires"])),
        )
    return found


def apply(finding: Finding, waiver: Waiver | None, today: date, remove: str) -> tuple[Finding, Verdict]:
    """The finding of a line with its waiver, and the verdict.

    An expired waiver fails, also where the line passes by now: it must be decided again, or removed.

    Args:
        finding: what the check found.
        waiver: the line's waiver.
        today: the date.
        remove: the command that removes it.
    """
    if waiver is None:
        return finding, finding.verdict
    if waiver.expires < today:
        expired = f"the waiver of {waiver.person} ended on {waiver.expires}: {waiver.reason}"
        fix = f"{finding.fix}\n{remove}" if finding.fix else remove
        found = f"{expired}\n{finding.found}"
        failure = dataclasses.replace(finding, verdict=Verdict.FAIL, found=found, fix=fix, follows=())
        return failure, Verdict.FAIL
    if finding.verdict is Verdict.PASS:
        return finding, Verdict.PASS
    return finding, Verdict.WAIVED


def remove_command(line: str, stack: str) -> str:
    """The command that removes the waiver of a line."""
    return f"pulumi config rm --path '{KEY}.{line}' -s {shell_word(stack)}"


def unknown(waivers: Collection[str], ids: Collection[str], never: str) -> list[str]:
    """The waivers that name no line, or the line that is all others."""
    return sorted(one for one in waivers if one not in ids or one == never)
