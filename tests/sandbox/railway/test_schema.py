"""Our SDL is a part of Railway's schema, and every document is valid for it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    build_schema,
    parse,
    validate,
)

from sandbox.railway.resolvers import FIELDS
from sandbox.railway.schema import SDL, build
from tests.sandbox.railway.client import DOCUMENTS, Railway

pytestmark = pytest.mark.sandbox

SCHEMA = build(FIELDS)
BESIDE = Path(__file__).parents[4] / "shared" / "railway" / "schema.graphql"


def differences(ours: GraphQLSchema, full: GraphQLSchema) -> list[str]:
    """Return where our schema is not a part of the full one."""
    found: list[str] = []
    for name, kind in ours.type_map.items():
        other = full.type_map.get(name)
        if name.startswith("__"):
            continue
        if type(other) is not type(kind):
            found.append(f"{name}: {type(other).__name__}")
        elif isinstance(kind, GraphQLEnumType) and isinstance(other, GraphQLEnumType):
            found += (
                [f"{name}: {sorted({*kind.values} ^ {*other.values})}"]
                if {*kind.values} != {*other.values}
                else []
            )
        elif isinstance(kind, GraphQLInputObjectType) and isinstance(other, GraphQLInputObjectType):
            mine = {key: (str(item.type), item.default_value) for key, item in kind.fields.items()}
            theirs = {key: (str(item.type), item.default_value) for key, item in other.fields.items()}
            found += [f"{name}: {mine} is not {theirs}"] if mine != theirs else []
        elif isinstance(kind, (GraphQLObjectType, GraphQLInterfaceType)):
            assert isinstance(other, (GraphQLObjectType, GraphQLInterfaceType))
            if {i.name for i in kind.interfaces} != {i.name for i in other.interfaces}:
                found.append(f"{name}: interfaces")
            for key, field in kind.fields.items():
                twin = other.fields.get(key)
                if twin is None or str(twin.type) != str(field.type):
                    found.append(f"{name}.{key}: {twin and twin.type}")
                    continue
                arguments = {a: (str(v.type), v.default_value) for a, v in field.args.items()}
                if arguments != {a: (str(v.type), v.default_value) for a, v in twin.args.items()}:
                    found.append(f"{name}.{key}: arguments")
    return found


def full_schema() -> GraphQLSchema | None:
    """Railway's full schema, if it is available."""
    place = Path(os.environ.get("RAILWAY_FULL_SCHEMA", BESIDE))
    return build_schema(place.read_text(encoding="utf-8"), assume_valid=True) if place.exists() else None


def test_our_sdl_is_a_part_of_railways_full_schema() -> None:
    full = full_schema()
    if full is None:
        # The full schema is not part of this repository; the comparison runs where it is available.
        pytest.skip("Railway's full schema is not beside this repository; set RAILWAY_FULL_SCHEMA")
    assert differences(build_schema(SDL.read_text(encoding="utf-8")), full) == []


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("name: String!\n  createdAt", "name: String\n  createdAt"),
        ("projectDelete(id: String!)", "projectDelete(id: ID!)"),
        ("  SLEEPING\n", ""),
        ("  projectId: String!\n  region: String\n", "  projectId: String!\n"),
        ("type AllDomains", "type AllDomain"),
    ],
)
def test_the_comparison_finds_a_difference(before: str, after: str) -> None:
    text = SDL.read_text(encoding="utf-8")
    assert before in text
    changed = text.replace(before, after)
    changed = changed.replace("AllDomains!", "AllDomain!") if "AllDomain" in after else changed
    assert differences(build_schema(changed), build_schema(text)) != []


@pytest.mark.parametrize("name", sorted(DOCUMENTS))
def test_every_document_is_valid_for_our_sdl(name: str) -> None:
    assert validate(SCHEMA, parse(DOCUMENTS[name])) == []


@pytest.mark.parametrize(
    "document",
    [
        "mutation ($v: String!) { volumeInstanceUpdate(volumeId: $v, input: {sizeMB: 5}) }",
        'mutation { volumeCreate(input: {projectId: "p", mountPath: "/x", name: "n"}) { id } }',
        'mutation { variableDelete(input: {projectId: "", environmentId: "", name: "", skipDeploys: true}) }',
        'mutation { serviceInstanceUpdate(serviceId: "s", input: {builder: DOCKERFILE}) }',
        'mutation { serviceDomainCreate(input: {serviceId: "s", environmentId: "e", domain: "d"}) { id } }',
        'query { service(id: "s") { branch } }',
        'query { serviceInstance(serviceId: "s", environmentId: "e") { multiRegionConfig } }',
    ],
)
def test_an_unknown_field_is_400(railway: Railway, document: str) -> None:
    answer = railway.send(document, {"v": "v"})
    assert answer.status_code == 400
    assert {error["extensions"]["code"] for error in answer.json()["errors"]} == {"GRAPHQL_VALIDATION_FAILED"}
    assert "data" not in answer.json()
