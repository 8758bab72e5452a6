"""The documents against Railway's schema, and every call in the package against its document."""

from __future__ import annotations

import ast
import os
from pathlib import Path

import pytest
from graphql import (
    GraphQLInputObjectType,
    GraphQLSchema,
    GraphQLType,
    OperationDefinitionNode,
    build_schema,
    get_named_type,
    is_required_input_field,
    parse,
    type_from_ast,
    validate,
)
from graphql.language import NonNullTypeNode

from railway.graphql.documents import DOCUMENTS, Document

pytestmark = pytest.mark.unit

ROOT = Path(__file__).parents[3]
PACKAGE = ROOT / "railway"
FILE = PACKAGE / "graphql" / "documents.graphql"
OURS = ROOT / "sandbox" / "railway" / "schema.graphql"
FULL = Path(os.environ.get("RAILWAY_FULL_SCHEMA", ROOT.parent / "shared" / "railway" / "schema.graphql"))


def schemas() -> list[GraphQLSchema]:
    """The sandbox's part of Railway's schema, and the whole one if it is available."""
    # Railway's own does not pass graphql-core's validation of schemas; that of documents it does.
    return [build_schema(file.read_text(), assume_valid=True) for file in (OURS, FULL) if file.is_file()]


SCHEMAS = schemas()


@pytest.mark.parametrize("document", DOCUMENTS.values(), ids=lambda document: document.name)
def test_every_document_is_valid(document: Document) -> None:
    """An unknown field would break every refresh."""
    parsed = parse(document.text)
    for schema in SCHEMAS:
        assert [error.message for error in validate(schema, parsed)] == []
    assert f"{document.kind} {document.name}" in document.text


def test_the_file_of_documents_is_valid_as_a_whole() -> None:
    """Editors and other tools read it as one document."""
    for schema in SCHEMAS:
        assert [error.message for error in validate(schema, parse(FILE.read_text()))] == []


def test_every_operation_of_the_file_is_a_document_of_its_own() -> None:
    """Their names are counted and shown."""
    parsed = parse(FILE.read_text()).definitions
    names = [one.name.value for one in parsed if isinstance(one, OperationDefinitionNode) and one.name]
    assert names == list(DOCUMENTS)
    assert len(names) == len(set(names)) > 45


def test_only_what_creates_or_deploys_is_not_repeated() -> None:
    once = {one.name for one in DOCUMENTS.values() if one.kind == "mutation" and not one.repeatable}
    assert once == {
        *("ProjectCreate", "EnvironmentCreate", "ServiceCreate", "TriggerCreate", "VolumeCreate"),
        *("DomainCreate", "CustomDomainCreate", "TcpProxyCreate", "DeployLatest", "DeployKnown", "Rollback"),
        "BackupCreate",
    }
    assert not [one.name for one in DOCUMENTS.values() if one.kind == "query" and one.repeatable]


# method of RailwayApi or EnvironmentCache -> how many arguments precede the variables
CALLS = {"_ask": 1, "_list": 1, "_pages": 2, "write": 1, "delete": 1, "write_object": 2, "create": 2}


def calls() -> list[tuple[str, ast.Call, str]]:
    """Every call that names an operation: the operation, the call, and where it is."""
    return [
        (node.args[0].value, node, f"{file.relative_to(ROOT)}:{node.lineno}")
        for file in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in CALLS
        and node.args
        and isinstance(node.args[0], ast.Constant)
        and isinstance(node.args[0].value, str)
    ]


def declared(operation: str) -> dict[str, tuple[GraphQLType, bool]]:
    """The variables of an operation: the type of each, and whether it is required."""
    node = parse(DOCUMENTS[operation].text).definitions[0]
    assert isinstance(node, OperationDefinitionNode)
    found: dict[str, tuple[GraphQLType, bool]] = {}
    for one in node.variable_definitions or ():
        kind = type_from_ast(SCHEMAS[0], one.type)
        assert kind is not None
        found[one.variable.name.value] = kind, isinstance(one.type, NonNullTypeNode)
    return found


def required_and_all(operation: str, method: str) -> tuple[set[str], set[str]]:
    """The names that a call has to give, and all that it may give."""
    variables = declared(operation)
    if method != "create":
        return {name for name, (_, needed) in variables.items() if needed}, {*variables}
    given = get_named_type(variables["input"][0])
    assert isinstance(given, GraphQLInputObjectType)
    return {name for name, one in given.fields.items() if is_required_input_field(one)}, {*given.fields}


@pytest.mark.parametrize(
    ("operation", "call", "place"), calls(), ids=lambda one: one if isinstance(one, str) else ""
)
def test_a_call_has_the_variables_of_its_operation(operation: str, call: ast.Call, place: str) -> None:
    """Nothing else compares them before a request is sent."""
    assert operation in DOCUMENTS, place
    assert isinstance(call.func, ast.Attribute)
    needed, known = required_and_all(operation, call.func.attr)
    given = {one.arg for one in call.keywords if one.arg is not None}
    assert given <= known, place
    # Those of `**ids` are not known here.
    assert needed <= given or any(one.arg is None for one in call.keywords), place


def test_no_operation_is_without_a_call() -> None:
    lists = {"documents.py", "credentials.py"}  # they list operations and call none
    sources = "".join(file.read_text() for file in PACKAGE.rglob("*.py") if file.name not in lists)
    assert not [name for name in DOCUMENTS if f'"{name}"' not in sources]
