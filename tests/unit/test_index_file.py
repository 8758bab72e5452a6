"""The index file: equal keys for equal indexes, and every property read or rejected."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checkout.index_file import FieldIndex, IndexField, IndexFile, canonical_key, normal_fields, parse

pytestmark = pytest.mark.unit

A = {"fieldPath": "a", "order": "ASCENDING"}
B = {"fieldPath": "b", "order": "DESCENDING"}
TAGS = {"fieldPath": "tags", "arrayConfig": "CONTAINS"}
VECTOR = {"fieldPath": "v", "vectorConfig": {"dimension": 768, "flat": {}}}


def name(order: str) -> dict[str, object]:
    return {"fieldPath": "__name__", "order": order}


def index(*fields: Mapping[str, object], **more: object) -> dict[str, object]:
    return {"collectionGroup": "threads", "queryScope": "COLLECTION", "fields": list(fields), **more}


def read(*indexes: object, overrides: object = ()) -> tuple[IndexFile, list[str]]:
    text = json.dumps({"indexes": list(indexes), "fieldOverrides": overrides})
    found, problems = parse(text, "indexes.json")
    assert all(problem.key == "indexes.json" and problem.fix for problem in problems)
    return found, [problem.what for problem in problems]


def good(*indexes: object) -> IndexFile:
    found, problems = read(*indexes)
    assert problems == []
    return found


def bad(*indexes: object) -> str:
    _, problems = read(*indexes)
    assert len(problems) == 1, problems
    return problems[0]


def test_an_index_has_a_readable_key() -> None:
    (spec,) = good(index(A, TAGS, B)).indexes
    assert spec.key == "threads/collection/a-asc/tags-contains/b-desc"
    assert (spec.collection, spec.query_scope, spec.api_scope) == ("threads", "COLLECTION", None)


@pytest.mark.parametrize(
    ("fields", "kept"),
    [
        ([A, B], ["a", "b"]),
        ([A, B, name("DESCENDING")], ["a", "b"]),
        ([A, B, name("ASCENDING")], ["a", "b", "__name__"]),
        ([A, TAGS, name("ASCENDING")], ["a", "tags"]),
        ([A, name("DESCENDING")], ["a", "__name__"]),
        ([name("DESCENDING")], ["__name__"]),
        ([VECTOR], ["__name__", "v"]),
        ([A, VECTOR], ["a", "__name__", "v"]),
        ([A, name("ASCENDING"), VECTOR], ["a", "__name__", "v"]),
    ],
)
def test_name_is_removed_where_the_server_appends_it(
    fields: list[dict[str, object]], kept: list[str]
) -> None:
    (spec,) = good(index(*fields)).indexes
    assert [field.path for field in spec.fields] == kept


def test_name_before_a_vector_has_the_direction_of_the_last_field() -> None:
    (spec,) = good(index(B, VECTOR)).indexes
    assert spec.fields[1] == IndexField(path="__name__", order="DESCENDING")
    assert spec.key == "threads/collection/b-desc/__name__-desc/v-vector768"


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (index(A, B), index(A, B)),
        (index(A, B), index(A, B, name("DESCENDING"))),
        (index(A, B), index(A, B, apiScope="ANY_API", density="SPARSE_ALL")),
        (index(A, B), {"collectionId": "threads", "fields": [A, B]}),
        (
            index(A, TAGS),
            index({"fieldPath": "a", "mode": "ASCENDING"}, {"fieldPath": "tags", "mode": "ARRAY_CONTAINS"}),
        ),
        (index(A, VECTOR), index(A, name("ASCENDING"), VECTOR)),
    ],
)
def test_the_same_index_written_differently_is_a_duplicate(first: object, second: object) -> None:
    assert bad(first, second).startswith("indexes[1] is the same index as indexes[0]")


@pytest.mark.parametrize(
    "other",
    [
        index(B, A),
        index(A, {"fieldPath": "b", "order": "ASCENDING"}),
        index(A, B, name("ASCENDING")),
        index(A, B, queryScope="COLLECTION_GROUP"),
        index(A, B, collectionGroup="messages"),
    ],
)
def test_different_indexes_have_different_keys(other: object) -> None:
    assert len({spec.key for spec in good(index(A, B), other).indexes}) == 2


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (index(A), "on the single field a"),
        (index(A, name("ASCENDING")), "on the single field a"),
        (index(name("ASCENDING")), "on the single field __name__"),
        (index(), "has no fields"),
        (index(A, A), "has the field a twice"),
        (index(VECTOR, A), "a vector field must be the last one"),
        (index(A, name("ASCENDING"), B), "__name__ can only be the last field"),
        (index(A, {"fieldPath": "b"}), "has none of order"),
        (index(A, {**B, "arrayConfig": "CONTAINS"}), "has more than one of order"),
        (index(A, {**B, "order": "descending"}), "which Firestore does not know"),
        (index(A, B, queryScope="COLLECTIONS"), "which Firestore does not know"),
        (index(A, B, apiScope="NO_API"), "which Firestore does not know"),
        (index(A, B, density="THIN"), "which Firestore does not know"),
        (index(A, B, multikey=True), "is not supported by this program"),
        (index(A, B, scope="COLLECTION"), "is not a known property"),
        (index(A, {**B, "ordre": "ASCENDING"}), "is not a known property"),
        (index(A, B, collectionGroup="threads/x/messages"), "is not a collection id"),
        (index(A, B, collectionGroup="__threads__"), "is not a collection id"),
        (index(A, B, collectionGroup=7), "is missing or not a string"),
        (index(A, {"fieldPath": "v", "vectorConfig": {"dimension": 768}}), "vectorConfig is not complete"),
        (
            index(A, {"fieldPath": "v", "vectorConfig": {"dimension": 4096, "flat": {}}}),
            "cannot have 4096 dimensions",
        ),
        ("threads", "must be an object"),
        (index(*({"fieldPath": f"f{n}", "order": "ASCENDING"} for n in range(101))), "the limit is 100"),
    ],
)
def test_each_mistake_is_one_problem(entry: object, message: str) -> None:
    assert message in bad(entry)


def test_what_google_and_editors_add_to_an_entry_is_ignored() -> None:
    plain = index(A, B)
    text = json.dumps(
        {"$schema": "https://x/y.json", "indexes": [{**plain, "name": "p/i", "state": "READY"}]}
    )
    assert parse(text, "indexes.json") == parse(json.dumps({"indexes": [plain]}), "indexes.json")
    assert parse(text, "indexes.json")[1] == []


def test_an_unsupported_property_may_be_false() -> None:
    assert good(index(A, B, multikey=False, unique=False)) == good(index(A, B))


def test_a_mistyped_property_gets_the_nearest_name() -> None:
    _, problems = parse(json.dumps({"indexes": [index(A, B, queryscope="COLLECTION")]}), "i.json")
    assert 'Did you mean "queryScope"?' in problems[0].fix


def test_overrides_are_read() -> None:
    overrides = [
        {"collectionGroup": "messages", "fieldPath": "body", "indexes": []},
        {"collectionGroup": "messages", "fieldPath": "expiresAt", "ttl": True},
        {"collectionGroup": "__default__", "fieldPath": "*", "indexes": []},
        {
            "collectionGroup": "messages",
            "fieldPath": "at",
            "ttl": False,
            "indexes": [
                {"order": "ASCENDING"},
                {"queryScope": "COLLECTION_GROUP", "arrayConfig": "CONTAINS"},
            ],
        },
    ]
    found, problems = read(overrides=overrides)
    assert problems == []
    body, expires, default, at = found.fields
    assert (body.key, body.indexes, body.ttl) == ("messages/body", (), None)
    assert (expires.indexes, expires.ttl) == (None, True)
    assert default.collection == "__default__"
    assert at.ttl is False
    assert at.indexes == (
        FieldIndex(query_scope="COLLECTION", order="ASCENDING"),
        FieldIndex(query_scope="COLLECTION_GROUP", array_config="CONTAINS"),
    )


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"fieldPath": "a", "collectionGroup": "c"}, 'has neither "indexes" nor "ttl"'),
        ({"fieldPath": "a", "collectionGroup": "c", "ttl": "yes"}, '"ttl" must be a boolean'),
        ({"collectionGroup": "c", "indexes": []}, '"fieldPath" is missing'),
        ({"fieldPath": "a", "collectionGroup": "c", "indexes": [A]}, "is not a known property"),
        ({"fieldPath": "a", "collectionGroup": "c", "indexes": {}}, "must be a list"),
        (
            {"fieldPath": "a", "collectionGroup": "c", "indexes": [{"order": "ASCENDING"}] * 2},
            "is listed above",
        ),
    ],
)
def test_each_mistake_in_an_override_is_one_problem(entry: object, message: str) -> None:
    _, problems = read(overrides=[entry])
    assert len(problems) == 1, problems
    assert message in problems[0]


def test_the_same_override_twice_is_a_problem() -> None:
    entry = {"fieldPath": "a", "collectionGroup": "c", "ttl": True}
    _, problems = read(overrides=[entry, {**entry, "ttl": False}])
    assert len(problems) == 1
    assert "c.a already has an override above" in problems[0]


def test_comments_do_not_change_the_place_of_an_error() -> None:
    found, problems = parse('{\n// "none"\n/* \n */ "indexes": [], "fieldOverrides": []}', "i.json")
    assert (found.indexes, problems) == ((), [])
    _, problems = parse('{ // one\n "indexes": [\n  /* two */ oops ]}', "i.json")
    assert "line 3, column 13" in problems[0].what
    found, problems = parse(
        '{"indexes": [], "fieldOverrides": [{"collectionGroup": "c", "fieldPath": "`a//b`", "ttl": true}]}',
        "i",
    )
    assert problems == []
    assert found.fields[0].field == "`a//b`"


def test_a_duplicate_key_is_a_problem() -> None:
    _, problems = parse('{"indexes": [], "indexes": []}', "i.json")
    assert 'the key "indexes" is given twice' in problems[0].what


def test_too_many_indexes_are_a_problem() -> None:
    many = [index(A, {"fieldPath": f"f{n}", "order": "ASCENDING"}) for n in range(1001)]
    assert "a database can have 1000" in bad(*many)


_paths = st.text(alphabet="ab-./%_ é", min_size=1, max_size=4)
_fields = st.builds(IndexField, path=_paths, order=st.sampled_from(["ASCENDING", "DESCENDING"])) | st.builds(
    IndexField, path=_paths, array_config=st.just("CONTAINS")
)
_indexes = st.tuples(
    _paths,
    st.sampled_from(["COLLECTION", "COLLECTION_GROUP"]),
    st.lists(_fields, min_size=1, max_size=3).map(tuple),
)


@given(first=_indexes, second=_indexes)
def test_keys_are_equal_only_for_equal_indexes(first: Any, second: Any) -> None:
    assert (canonical_key(*first) == canonical_key(*second)) == (first == second)


@given(fields=st.lists(_fields, min_size=1, max_size=4).map(tuple))
def test_the_normal_form_is_stable(fields: tuple[IndexField, ...]) -> None:
    once = normal_fields(fields)
    assert normal_fields(once) == once
    order = fields[-1].order or "ASCENDING"
    if fields[-1].path != "__name__":
        assert normal_fields((*fields, IndexField(path="__name__", order=order))) == fields


@given(st.data())
def test_the_order_in_the_file_has_no_effect(data: st.DataObject) -> None:
    entries = [index(A, B), index(B, A), index(A, VECTOR), index(A, TAGS)]
    shuffled = data.draw(st.permutations(entries))
    assert {spec.key for spec in good(*shuffled).indexes} == {spec.key for spec in good(*entries).indexes}


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=3),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    [
                        "indexes",
                        "fields",
                        "fieldPath",
                        "order",
                        "collectionGroup",
                        "ttl",
                        "fieldOverrides",
                        "vectorConfig",
                    ]
                ),
                inner,
                max_size=4,
            )
        ),
        max_leaves=12,
    )
)
def test_any_document_is_read_without_an_exception(document: object) -> None:
    parse(json.dumps({"indexes": [document], "fieldOverrides": [document]}), "i.json")
    parse(json.dumps(document), "i.json")


def test_a_name_with_half_of_a_character_is_a_problem() -> None:
    assert "contains an unpaired surrogate (U+D800)" in bad({**index(A, B), "collectionGroup": "\ud800"})


@pytest.mark.parametrize(
    ("path", "kept"),
    [
        ("a.b_1", "a.b_1"),
        ("`a`.b", "a.b"),
        ("`a b`", "`a b`"),
        ("a.`x.y`", "a.`x.y`"),
        ("`a\\`b`", "`a\\`b`"),
        ("`1a`", "`1a`"),
        ("`*`", "`*`"),
    ],
)
def test_a_field_path_has_backticks_only_where_it_needs_them(path: str, kept: str) -> None:
    (spec,) = good(index({"fieldPath": path, "order": "ASCENDING"}, B)).indexes
    assert spec.fields[0].path == kept


@pytest.mark.parametrize(
    "path", ["a.", ".a", "a..b", "a b", "a-b", "`a b", "a`", "``", "1a", "a[0]", "a/b", "*", "a.*", "`a`b"]
)
def test_what_is_no_field_path_is_a_problem(path: str) -> None:
    assert "is not a field path" in bad(index({"fieldPath": path, "order": "ASCENDING"}, B))


@pytest.mark.parametrize("path", ["__x__", "a.__name__", "`__name__`", "____"])
def test_a_reserved_name_in_a_field_path_is_a_problem(path: str) -> None:
    assert "which Firestore reserves" in bad(index({"fieldPath": path, "order": "ASCENDING"}, B))


def test_one_field_with_and_without_backticks_is_the_same() -> None:
    quoted = {"fieldPath": "`a`", "order": "DESCENDING"}
    assert "has the field a twice" in bad(index(A, quoted))
    assert "is the same index as" in bad(index(A, B), index({**A, "fieldPath": "`a`"}, B))


@pytest.mark.parametrize(
    ("name_", "value"),
    [
        ("queryScope", "COLLECTION_RECURSIVE"),
        ("apiScope", "DATASTORE_MODE_API"),
        ("apiScope", "MONGODB_COMPATIBLE_API"),
        ("density", "DENSE"),
        ("density", "SPARSE_ANY"),
    ],
)
def test_indexes_of_other_editions_and_modes_are_problems(name_: str, value: str) -> None:
    assert "does not have" in bad({**index(A, B), name_: value})
