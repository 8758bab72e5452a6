"""Write the reference of the settings: the config block of Pulumi.yaml, and docs/settings.md.

    python -m settings.reference

Both follow from the keys in `settings.model`; a test fails when they are out of date.
"""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterable

from settings.keys import Key, ValueType
from settings.model import KEYS
from settings.reader import PROGRAM_DIR, bounds_text

PULUMI_YAML = PROGRAM_DIR / "Pulumi.yaml"
PAGE = PROGRAM_DIR / "docs" / "settings.md"
# The CLI has no type for a number.
_YAML_TYPES = {
    ValueType.STRING: "string",
    ValueType.PATH: "string",
    ValueType.SECRET: "string",
    ValueType.INTEGER: "integer",
    ValueType.BOOLEAN: "boolean",
    ValueType.LIST: "array",
    **dict.fromkeys((ValueType.OBJECT, ValueType.STRINGS, ValueType.VARIABLES, ValueType.SECRETS), "object"),
}
_START = "config:\n"
_BLOCK = "  # Generated from settings/model.py: edit there, then run `make docs`.\n"
_HEADER = """# Settings

<!-- Generated from settings/model.py: edit there, then run `make docs`. -->

Set a value with `pulumi config set whatsapp-crm:KEY VALUE`. For an item of a list or an object, use
`pulumi config set --path --type string 'whatsapp-crm:KEY[0]' VALUE` or `'whatsapp-crm:KEY.NAME'`; for a
secret, `--secret --path`. Without `--type string`, the CLI stores `+40722000000` as a number without its `+`,
which the program rejects. `pulumi preview` checks all settings together, before it sends any request. Each
error names the key and the command that fixes it.

While a setting is not set:

- **unmanaged**: the program does not change it, and a change of it is no drift. Once it was set and is
  removed, it is reset to Railway's default.
- **reset to default**: a value set in Railway's dashboard is drift, and `pulumi up --refresh
  --run-program` resets it.
- **the value in `railway.toml`**: `railway.toml` or `railway.json` in the checkout is read, if one of them
  exists. Railway ignores these files from 2026-12-01.
"""


def yaml_type(key: Key) -> str | None:
    """The key's type in Pulumi.yaml; None where the CLI cannot check it: no number or boolean may be ""."""
    if key.default == "" and key.value_type in (ValueType.INTEGER, ValueType.BOOLEAN):
        return None
    return _YAML_TYPES.get(key.value_type)


def pulumi_yaml(text: str) -> str:
    """Pulumi.yaml with the current config block."""
    lines = [text.partition(_START)[0] + _START + _BLOCK]
    for key in KEYS.values():
        if key.group:
            lines.append(f"\n  # {key.group}\n")
        lines.append(f"  {key.name}:\n")
        if (kind := yaml_type(key)) is not None:
            lines.append(f"    type: {kind}\n")
        if kind == "array":
            lines.append("    items: {type: string}\n")
        lines += [_description(key), f"    default: {json.dumps(key.default)}\n"]
    return "".join(lines)


def _description(key: Key) -> str:
    """The description with the allowed values and what applies while the key is not set."""
    parts = [key.description]
    if key.choices and key.value_type is ValueType.STRING:
        parts.append(f"One of {', '.join(key.choices)}.")
    if bounds := bounds_text(key):
        parts.append(f"{bounds[0].upper()}{bounds[1:]}.")
    if key.required:
        parts.append("Required.")
    if key.required_unless:
        parts.append(f"Required unless {key.required_unless} is set.")
    if words := _not_set(key, ""):
        parts.append(f"If not set: {words}.")
    text = " ".join(parts)
    if len(text) <= 90:
        return f"    description: {json.dumps(text)}\n"
    folded = textwrap.wrap(text, 104, break_on_hyphens=False)
    return "    description: >-\n" + "".join(f"      {line}\n" for line in folded)


def settings_page() -> str:
    """docs/settings.md: the required keys first, then the groups."""
    groups: dict[str, list[Key]] = {"Required": []}
    group = ""
    for key in KEYS.values():
        group = key.group or group
        required = key.required or key.required_unless
        groups.setdefault("Required" if required else group, []).append(key)
    return "\n".join([_HEADER, *(f"## {title}\n\n{_table(keys)}" for title, keys in groups.items())])


def _table(keys: Iterable[Key]) -> str:
    """A table without the columns that are empty in all rows."""
    rows = [("key", "type", "default", "if not set", "meaning")]
    for key in keys:
        default = "" if key.default in ("", [], {}) else f"`{_json(key.default)}`"
        unless = f" Required unless `{key.required_unless}` is set." if key.required_unless else ""
        rows.append((f"`{key.name}`", _type(key), default, _not_set(key, "`"), key.description + unless))
    filled = [column for column in range(5) if any(row[column] for row in rows[1:])]
    lines = [" | ".join(row[column].replace("|", "\\|") for column in filled) for row in rows]
    lines.insert(1, " | ".join("---" for _ in filled))
    return "".join(f"| {line} |\n" for line in lines)


def _type(key: Key) -> str:
    if key.choices and key.value_type is ValueType.STRING:
        return ", ".join(f"`{choice}`" for choice in key.choices)
    return ", ".join(part for part in (key.value_type.value, bounds_text(key)) if part)


def _not_set(key: Key, quote: str) -> str:
    """What applies while the key is not set, where its default does not say it."""
    words = key.if_unset
    if key.effective_default is not None:
        words = f"{quote}{_json(key.effective_default)}{quote}"
    return f"the value in {quote}railway.toml{quote}, or {words}" if key.file else words


def _json(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


if __name__ == "__main__":
    PULUMI_YAML.write_text(pulumi_yaml(PULUMI_YAML.read_text(encoding="utf-8")), encoding="utf-8")
    PAGE.write_text(settings_page(), encoding="utf-8")
