"""E3: each query has the index that it needs, and names fields that documents have."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from checkout.flutter.index_needs import missing, needs
from checkout.flutter.values import Filter, Order, Query
from tests.flutter_app import HERE, IMPORTS, answer, expect_findings, expect_pass, indexes

pytestmark = pytest.mark.unit

A, D = "ASCENDING", "DESCENDING"


def index(collection: str, *fields: str, scope: str = "COLLECTION") -> dict[str, object]:
    """A composite index: `a`, `-a` descending, `a[]` array-contains."""
    found: list[dict[str, str]] = []
    for field in fields:
        if field.endswith("[]"):
            found.append({"fieldPath": field[:-2], "arrayConfig": "CONTAINS"})
        else:
            found.append({"fieldPath": field.lstrip("-"), "order": D if field.startswith("-") else A})
    return {"collectionGroup": collection, "queryScope": scope, "fields": found}


def override(collection: str, field: str, *entries: str) -> dict[str, object]:
    """A field override: `COLLECTION A`, `COLLECTION_GROUP D`, `COLLECTION []`."""
    found: list[dict[str, str]] = []
    for entry in entries:
        scope, kind = entry.split()
        found.append(
            {"queryScope": scope}
            | ({"arrayConfig": "CONTAINS"} if kind == "[]" else {"order": {"A": A, "D": D}[kind]})
        )
    return {"collectionGroup": collection, "fieldPath": field, "indexes": found}


COMPOSITE = (
    index("tasks", "owner", "-dueAt"),
    index("tasks", "state", "-dueAt"),
    index("tasks", "labels[]", "rank"),
    index("tasks", "owner", "state", "rank"),
    index("messages", "threadId", "-sentAt", scope="COLLECTION_GROUP"),
)
OVERRIDES = (
    override("messages", "sentAt", "COLLECTION A", "COLLECTION D", "COLLECTION_GROUP D"),
    override("messages", "body"),
)
DECLARED = indexes(*COMPOSITE, overrides=OVERRIDES)
FIELDS = ("owner", "state", "dueAt", "labels", "rank", "threadId", "sentAt", "body", "amount", "members")
KNOWN = f"Map<String, Object?> known() => {{{', '.join(f'{field!r}: 1' for field in FIELDS)}}};\n"

BROKEN = {
    "sorted by another field": """
Query f(FirebaseFirestore db, String o) =>
    db.collection('tasks').where('owner', isEqualTo: o).orderBy('rank'); // HERE
""",
    "the other direction": """
Query f(FirebaseFirestore db, String o) => db
    .collection('tasks') // HERE
    .where('owner', isEqualTo: o)
    .orderBy('dueAt');
""",
    "range and equality": """
Future<void> f(FirebaseFirestore db, String o) =>
    db.collection('tasks').where('owner', isEqualTo: o).where('rank', isGreaterThan: 3).get(); // HERE
""",
    "not equal": """
Future<void> f(FirebaseFirestore db, String o) => db
    .collection('tasks').where('owner', isEqualTo: o).where('state', isNotEqualTo: 'done').get(); // HERE
""",
    "condition that adds an order": """
Query<Map<String, dynamic>> f(FirebaseFirestore db, String o, {bool ranked = false}) {
  Query<Map<String, dynamic>> query = db.collection('tasks').where('owner', isEqualTo: o); // HERE
  if (ranked) query = query.orderBy('rank');
  return query;
}
""",
    "helper that returns a query": """
class Tasks {
  Tasks(this.db);
  final FirebaseFirestore db;
  Query<Map<String, dynamic>> of(String o) => db.collection('tasks').where('owner', isEqualTo: o);
}
class Page extends StatelessWidget {
  Page(this.tasks);
  final Tasks tasks;
  Widget build(BuildContext context) => StreamBuilder(
        stream: tasks.of('me').orderBy('rank').snapshots(), // HERE
        builder: (context, snapshot) => const Text('x'),
      );
}
""",
    "extension on Query": """
extension Sorted on Query<Map<String, dynamic>> {
  Query<Map<String, dynamic>> get byRank => orderBy('rank'); // HERE
}
Query f(FirebaseFirestore db) => db.collection('tasks').where('state', isEqualTo: 'open').byRank;
""",
    "two sorted fields": """
Query f(FirebaseFirestore db) => db.collection('tasks').orderBy('state').orderBy('rank'); // HERE
""",
    "in and order": """
Query f(FirebaseFirestore db, List<String> o) =>
    db.collection('tasks').where('state', whereIn: o).orderBy('rank'); // HERE
""",
    "array-contains with another order": """
Query f(FirebaseFirestore db) =>
    db.collection('tasks').where('labels', arrayContains: 'x').orderBy('dueAt'); // HERE
""",
    "array-contains with equality and order": """
Query f(FirebaseFirestore db) => db.collection('tasks') // HERE
    .where('labels', arrayContainsAny: ['x']).where('owner', isEqualTo: 1).orderBy('rank');
""",
    "group without an index of the field": """
Query f(FirebaseFirestore db) => db.collectionGroup('tasks').where('owner', isEqualTo: 1); // HERE
""",
    "group whose index is for collections": """
Query f(FirebaseFirestore db) =>
    db.collectionGroup('tasks').where('owner', isEqualTo: 1).orderBy('dueAt', descending: true); // HERE
""",
    "group in the other direction": """
Query f(FirebaseFirestore db) => db.collectionGroup('messages').orderBy('sentAt'); // HERE
""",
    "limit to last": """
Query f(FirebaseFirestore db) => db.collection('tasks') // HERE
    .where('owner', isEqualTo: 1).orderBy('dueAt', descending: true).limitToLast(5);
""",
    "field without indexes": """
Query f(FirebaseFirestore db, String t) =>
    db.collection('threads').doc(t).collection('messages').where('body', isEqualTo: 'x'); // HERE
""",
    "or with an order": """
Query f(FirebaseFirestore db) => db.collection('tasks') // HERE
    .where(Filter.or(Filter('owner', isEqualTo: 1), Filter('labels', arrayContains: 'x'))).orderBy('rank');
""",
    "and in a filter": """
Query f(FirebaseFirestore db) => db.collection('tasks') // HERE
    .where(Filter.and(Filter('owner', isEqualTo: 1), Filter('rank', isLessThan: 2)));
""",
    "is not null": """
Query f(FirebaseFirestore db) =>
    db.collection('tasks').where('owner', isEqualTo: 1).where('rank', isNull: false); // HERE
""",
    "fields by constants": """
abstract final class F { static const owner = 'owner'; static const rank = 'rank'; }
Query f(FirebaseFirestore db) =>
    db.collection('tasks').where(F.owner, isEqualTo: 1).orderBy(F.rank); // HERE
""",
    "count": """
Future<void> f(FirebaseFirestore db) =>
    db.collection('tasks').where('owner', isEqualTo: 1).where('rank', isGreaterThan: 1).count().get(); // HERE
""",
    "sum of another field": """
Future<void> f(FirebaseFirestore db) =>
    db.collection('tasks').where('owner', isEqualTo: 1).aggregate(sum('amount')).get(); // HERE
""",
    "the document's id in the other direction": """
Query f(FirebaseFirestore db) => db.collection('tasks') // HERE
    .orderBy('rank').orderBy(FieldPath.documentId, descending: true);
""",
    "field that no document has": """
Query f(FirebaseFirestore db) => db.collection('tasks').where('ownr', isEqualTo: 1); // HERE
""",
    "widget that gets a query": """
class Page extends StatelessWidget {
  Widget build(BuildContext context) => FirestoreListView(
        query: FirebaseFirestore.instance
            .collection('tasks') // HERE
            .where('owner', isEqualTo: 1)
            .orderBy('rank'),
        itemBuilder: (context, doc) => const Text('x'),
      );
}
""",
    "cascade into a variable": """
void f(FirebaseFirestore db) {
  var query = db.collection('tasks').where('owner', isEqualTo: 1); // HERE
  query = query.orderBy('rank');
  query.snapshots().listen((s) {});
}
""",
    "parameter that sorts": """
Query<Map<String, dynamic>> list(FirebaseFirestore db, {String sort = 'dueAt', bool down = true}) =>
    db.collection('tasks').where('owner', isEqualTo: 1).orderBy(sort, descending: down); // HERE
void f(FirebaseFirestore db) {
  list(db).get();
  list(db, sort: 'rank', down: false).get();
}
""",
}

FINE = {
    "one field": """
void f(FirebaseFirestore db) {
  db.collection('tasks').where('owner', isEqualTo: 1).get();
  db.collection('tasks').orderBy('rank', descending: true).get();
  db.collection('tasks').where('rank', isGreaterThan: 1).where('rank', isLessThan: 5).orderBy('rank').get();
  db.collection('tasks').where('labels', arrayContains: 'x').get();
  db.collection('tasks').where('state', whereNotIn: ['x']).get();
}
""",
    "only equality": """
Query f(FirebaseFirestore db) => db.collection('tasks')
    .where('owner', isEqualTo: 1).where('state', whereIn: ['a']).where('labels', arrayContains: 'x')
    .where('rank', isNull: true);
""",
    "declared": """
Query f(FirebaseFirestore db) =>
    db.collection('tasks').where('owner', isEqualTo: 1).orderBy('dueAt', descending: true);
""",
    "declared for a range": """
Query f(FirebaseFirestore db) => db.collection('tasks')
    .where('owner', isEqualTo: 1).where('state', isEqualTo: 2).where('rank', isGreaterThan: 3);
""",
    "merged from two": """
Query f(FirebaseFirestore db) => db.collection('tasks')
    .where('owner', isEqualTo: 1).where('state', isEqualTo: 'x').orderBy('dueAt', descending: true);
""",
    "conditions that merge": """
Query<Map<String, dynamic>> f(FirebaseFirestore db, {String? owner, String? state, Object? after}) {
  Query<Map<String, dynamic>> query = db.collection('tasks');
  if (owner != null) query = query.where('owner', isEqualTo: owner);
  if (state != null) query = query.where('state', isEqualTo: state);
  query = query.orderBy('dueAt', descending: true);
  if (after != null) query = query.startAfter([after]);
  return query.limit(20);
}
""",
    "conditions that exclude each other": """
Query<Map<String, dynamic>> f(FirebaseFirestore db, bool mine) {
  Query<Map<String, dynamic>> query = db.collection('tasks');
  if (mine) {
    query = query.where('owner', isEqualTo: 1);
  } else {
    query = query.where('labels', arrayContains: 'x');
  }
  if (mine) {
    query = query.orderBy('dueAt', descending: true);
  } else {
    query = query.orderBy('rank');
  }
  return query;
}
""",
    "parameters that are not given": """
Query<Map<String, dynamic>> list(FirebaseFirestore db, {String? owner, String? sort}) {
  Query<Map<String, dynamic>> query = db.collection('tasks');
  if (owner != null) query = query.where('owner', isEqualTo: owner);
  if (sort != null) query = query.orderBy(sort);
  return query;
}
void f(FirebaseFirestore db) {
  list(db, owner: 'x').get();
  list(db, sort: 'rank').get();
}
""",
    "a null that adds no clause": """
Future<void> list(FirebaseFirestore db, {Object? from}) => db.collection('tasks')
    .where('owner', isEqualTo: 1).where('rank', isGreaterThan: from).get();
void f(FirebaseFirestore db) => list(db);
""",
    "group with its index": """
void f(FirebaseFirestore db) {
  db.collectionGroup('messages').where('threadId', whereIn: ['x']).orderBy('sentAt', descending: true).get();
  db.collectionGroup('messages').orderBy('sentAt', descending: true).limit(3).get();
  db.collectionGroup('messages').limit(3).get();
}
""",
    "limit to last of the opposite": """
Query f(FirebaseFirestore db) =>
    db.collection('tasks').where('owner', isEqualTo: 1).orderBy('dueAt').limitToLast(5);
""",
    "or of equalities": """
Query f(FirebaseFirestore db) => db.collection('tasks')
    .where(Filter.or(Filter('owner', isEqualTo: 1), Filter('state', isEqualTo: 2)));
""",
    "or with declared orders": """
Query f(FirebaseFirestore db) => db.collection('tasks')
    .where(Filter.or(Filter('owner', isEqualTo: 1), Filter('state', isEqualTo: 2)))
    .orderBy('dueAt', descending: true);
""",
    "order of an equal field": """
Query f(FirebaseFirestore db) =>
    db.collection('tasks').where('owner', isEqualTo: 1).orderBy('owner');
""",
    "the document's id": """
void f(FirebaseFirestore db, List<String> ids) {
  db.collection('tasks').where(FieldPath.documentId, whereIn: ids).get();
  db.collection('tasks').where('owner', isEqualTo: 1).orderBy(FieldPath.documentId).get();
  db.collection('tasks').where('owner', isEqualTo: 1).orderBy('dueAt', descending: true)
      .orderBy(FieldPath.documentId, descending: true).get();
}
""",
    "count and sum": """
void f(FirebaseFirestore db) {
  db.collection('tasks').where('owner', isEqualTo: 1).count().get();
  db.collection('tasks').aggregate(sum('amount'), average('amount'), count()).get();
}
""",
    "switch over a parameter": """
enum Sort { due, rank }
Query<Map<String, dynamic>> f(FirebaseFirestore db, Sort sort) {
  final tasks = db.collection('tasks');
  return switch (sort) {
    Sort.due => tasks.where('owner', isEqualTo: 1).orderBy('dueAt', descending: true),
    Sort.rank => tasks.where('labels', arrayContains: 'x').orderBy('rank'),
  };
}
""",
    "a field that is known in part": """
Query f(FirebaseFirestore db, String uid) =>
    db.collection('tasks').where('members.$uid', isEqualTo: true);
""",
    "an enum of sorts": """
enum By {
  due('owner', 'dueAt', true),
  rank('labels', 'rank', false);
  const By(this.side, this.field, this.down);
  final String side;
  final String field;
  final bool down;
}
class Tasks {
  final db = FirebaseFirestore.instance;
  Query<Map<String, dynamic>> by(By by) => (by == By.due
          ? db.collection('tasks').where('owner', isEqualTo: 1)
          : db.collection('tasks').where('labels', arrayContains: 'x'))
      .orderBy(by.field, descending: by.down);
}
class Page extends StatelessWidget {
  Page(this.tasks, this.sort);
  final Tasks tasks;
  final By sort;
  Widget build(BuildContext c) => Streamed(stream: tasks.by(sort).snapshots());
}
void f(Tasks tasks) { runApp(Page(tasks, By.due)); runApp(Page(tasks, By.rank)); }
""",
    "lists and streams": """
List<int> f(List<int> xs) => xs.where((x) => x > 1).toList();
Stream<int> g(Stream<int> xs) => xs.where((x) => x > 1);
class Orm { Orm where(String f, {Object? isEqualTo}) => this; Orm orderBy(String f) => this; }
void h() => Orm().where('nope', isEqualTo: 1).orderBy('never');
""",
    "fields from the rules, models and keys": """
class Task {
  Task.fromJson(Map<String, dynamic> j) : phase = j['phase'] as String;
  final String phase;
}
void f(FirebaseFirestore db) {
  db.collection('tasks').where('phase', isEqualTo: 1).get();
  db.collection('tasks').where('hasAll', isEqualTo: 1).get();
  db.collection('tasks').where('stats.total', isEqualTo: 1).get();
  db.collection('tasks').add({'stats': {'total': 1}});
}
""",
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_query_without_its_index_or_field_is_found(tmp_path: Path, name: str) -> None:
    files = {"lib/extra.dart": IMPORTS + BROKEN[name], "lib/known.dart": KNOWN}
    found = expect_findings(tmp_path, "E3", files, declared=DECLARED)
    assert all("{" not in one.fix or json.loads(one.fix[one.fix.index("{") :]) for one in found.findings)


@pytest.mark.parametrize("name", FINE)
def test_a_query_with_its_index_is_accepted(tmp_path: Path, name: str) -> None:
    files = {"lib/extra.dart": IMPORTS + FINE[name], "lib/known.dart": KNOWN}
    expect_pass(tmp_path, "E3", files, declared=DECLARED)


@pytest.mark.parametrize("name", [name for name in BROKEN if name != "field that no document has"])
def test_what_is_told_to_be_added_is_enough(tmp_path: Path, name: str) -> None:
    """With the JSON of the fixes in the index file, nothing is found any more."""
    files = {"lib/extra.dart": IMPORTS + BROKEN[name], "lib/known.dart": KNOWN}
    found = answer(tmp_path, "E3", files, declared=DECLARED)
    added = [json.loads(one.fix[one.fix.index("{") :]) for one in found.findings]
    composite = [one for one in added if "fields" in one]
    overrides = [one for one in added if "fields" not in one]
    replaced = {(one["collectionGroup"], one["fieldPath"]) for one in overrides}
    kept = [one for one in OVERRIDES if (one["collectionGroup"], one["fieldPath"]) not in replaced]
    declared = indexes(*COMPOSITE, *composite, overrides=(*kept, *overrides))
    assert not answer(tmp_path, "E3", files, declared=declared).findings


@pytest.mark.parametrize(
    ("code", "why"),
    [
        (
            "void f(FirebaseFirestore db, String b) => db.collection('tasks').orderBy(b).get();\nint g = 1;",
            "the field",
        ),
        (
            """void f(FirebaseFirestore db, List<String> names) {
  Query q = db.collection('tasks');
  for (final name in names) {
    q = q.where('owner', isEqualTo: name).orderBy('rank');
  }
  q.get();
}
void g(FirebaseFirestore db) => f(db, []);""",
            "in a loop",
        ),
        (
            "void f(FirebaseFirestore db, List<String?> p) {\n  Query q = db.collection('tasks');\n"
            + "".join(f"  if (p[{n}] != null) q = q.where('owner', isEqualTo: p[{n}]);\n" for n in range(9))
            + "  q.get();\n}\nvoid g(FirebaseFirestore db) => f(db, []);",
            "too many forms",
        ),
        (
            """void f(FirebaseFirestore db, List<Filter> filters) =>
    db.collection('tasks').where(filters.reduce((a, b) => Filter.or(a, b))).orderBy('rank').get();
void g(FirebaseFirestore db) => f(db, []);""",
            "its filter",
        ),
        (
            """void f(FirebaseFirestore db, String uid) =>
    db.collection('tasks').where('members.$uid', isEqualTo: true).orderBy('rank').get();
int g = 1;""",
            "needs an index",
        ),
    ],
)
def test_a_query_that_is_not_known_is_not_passed(tmp_path: Path, code: str, why: str) -> None:
    code = f"{IMPORTS}{code}\nfinal used = [f, g];\n"
    found = answer(tmp_path, "E3", {"lib/extra.dart": code, "lib/known.dart": KNOWN}, declared=DECLARED)
    assert any(why in one for one in found.unknown), found


OTHERS = """
class Visit {
  Visit.fromJson(Map<String, dynamic> j) : arrivedAt = j['arrivedAt'] as String;
  final String arrivedAt;
}
void send(FirebaseFirestore db) => db.collection('parcels').add({'weight': 1, 'sender': 'x'});
void visit(FirebaseFirestore db) => db.collection('visits').add({'arrivedAt': 'x', 'guest': 'y'});
"""


def _asks(field: str) -> str:
    query = f"db.collection('parcels').where('{field}', isEqualTo: 1).get(); {HERE}"
    return f"{IMPORTS}void f(FirebaseFirestore db) => {query}\n"


@pytest.mark.parametrize("field", ["arrivedAt", "guest"])
def test_a_field_of_another_collection_is_found(tmp_path: Path, field: str) -> None:
    files = {"lib/others.dart": IMPORTS + OTHERS, "lib/extra.dart": _asks(field)}
    found = expect_findings(tmp_path, "E3", files)
    assert "no document of parcels has" in found.findings[0].what


@pytest.mark.parametrize(
    "more",
    [
        "class Parcel { Parcel.fromJson(Map<String, dynamic> j) : guest = j['guest']; final String guest; }",
        "Object? read(Map<String, dynamic> j) => [j['weight'], j['guest']];",
        "void later(FirebaseFirestore db) => db.collection('parcels').doc('x').update({'guest': 'y'});",
        "void copy(FirebaseFirestore db, Map<String, dynamic> j) => db.collection('parcels').add(j);",
        "void copy(FirebaseFirestore db, String to) => db.collection(to).add({'a': 1});",
    ],
    ids=["model", "reader", "update", "unknown map", "unknown collection"],
)
def test_what_may_be_a_field_of_the_collection_is_accepted(tmp_path: Path, more: str) -> None:
    files = {
        "lib/others.dart": IMPORTS + OTHERS,
        "lib/more.dart": IMPORTS + more,
        "lib/extra.dart": _asks("guest"),
    }
    assert not answer(tmp_path, "E3", files).findings


def test_without_an_index_file_a_needed_index_is_unknown(tmp_path: Path) -> None:
    from checkout.flutter.check import check_app
    from checkout.flutter.results import Project
    from tests.flutter_app import NAMES, write

    code = IMPORTS + BROKEN["two sorted fields"]
    root = write(tmp_path, {"lib/extra.dart": code, "lib/known.dart": KNOWN})
    results = check_app(root, NAMES, Project(project_id="desk-prod"))
    found = next(one for one in results if one.id == "E3")
    assert not found.findings
    assert "no file declares any" in found.unknown[0]


def test_the_code_of_the_functions_names_fields(tmp_path: Path) -> None:
    from checkout.flutter.check import check_app
    from checkout.flutter.results import Project
    from tests.flutter_app import NAMES, write

    code = IMPORTS + "Query f(FirebaseFirestore db) => db.collection('tasks').where('ripe', isEqualTo: 1);\n"
    root = write(tmp_path / "app", {"lib/extra.dart": code})
    functions = tmp_path / "functions"
    functions.mkdir()
    (functions / "index.js").write_text("db.collection('tasks').add({ripe: true});\n")
    for folders, expected in (((), 1), ((functions,), 0)):
        project = Project(project_id="desk-prod", indexes=indexes(), code=folders)
        found = next(one for one in check_app(root, NAMES, project) if one.id == "E3")
        assert len(found.findings) == expected


@pytest.mark.parametrize(
    ("query", "declared", "is_missing"),
    [
        (
            Query(("a",), filters=(Filter("equal", "x"),), orders=(Order("y"),)),
            [index("a", "-x", "y")],
            False,
        ),
        (Query(("a",), filters=(Filter("equal", "x"),), orders=(Order("y"),)), [index("a", "y", "x")], True),
        (
            Query(("a",), filters=(Filter("equal", "x"),), orders=(Order("y"),)),
            [index("a", "x", "y", "z")],
            True,
        ),
        (Query(("a",), filters=(Filter("equal", "x"),), orders=(Order("y"),)), [index("b", "x", "y")], True),
        (Query(("a",), filters=(Filter("range", "x"), Filter("range", "y"))), [index("a", "y", "x")], False),
        (Query(("a",), filters=(Filter("range", "x"), Filter("range", "y"))), [], True),
        (Query(("a",), filters=(Filter("equal", "x"), Filter("contains", "t"))), [], False),
        (Query(("a",), orders=(Order("__name__", True),)), [], True),
        (Query(("a",), orders=(Order("__name__", True),)), [index("a", "-__name__")], False),
        (Query(("a",), orders=(Order("__name__"),)), [], False),
        (Query(("a",), group=True, filters=(Filter("equal", "x"),)), [index("a", "x", "y")], True),
    ],
)
def test_rules_of_indexes(query: Query, declared: list[Mapping[str, object]], is_missing: bool) -> None:
    file = indexes(*declared)
    assert any(missing(need, file) for need in needs(query)) is is_missing
