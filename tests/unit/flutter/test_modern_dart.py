"""Dart as people write it today: enums with members, unnamed extensions, patterns, methods as values."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.flutter_app import IMPORTS, expect_findings, expect_pass

pytestmark = pytest.mark.unit

BROKEN = {
    "switch over an enum's own constants": (
        "E1",
        """
enum Box {
  queue, drafts;
  String get path => switch (this) { Box.queue => 'outbox', Box.drafts => 'drafts' };
}
void go(FirebaseFirestore db) {
  db.collection(Box.queue.path).add({}); // HERE
  db.collection(Box.drafts.path).add({});
}
""",
    ),
    "class that an extension without a name extends": (
        "E2",
        """
extension on Map<String, dynamic> {
  Map<String, dynamic> get plain => this;
}
Future<void> go(FirebaseFirestore db) => db.collection('bookings').add( // HERE
    Map<String, dynamic>.of({'createdBy': 'x', 'schemaVersion': 3})..addAll({'isArchived': 'false'}));
""",
    ),
    "method of a collection as a value": (
        "E1",
        """
Future<void> go(FirebaseFirestore db, List<Map<String, dynamic>> items) async {
  final add = db.collection('outbox').add; // HERE
  await Future.wait(items.map(add));
}
""",
    ),
    "path joined from parts": (
        "E1",
        """
Future<void> go(FirebaseFirestore db, String id) => db.doc(['outbox', id].join('/')).set({}); // HERE
""",
    ),
    "path in a buffer": (
        "E1",
        """
Future<void> go(FirebaseFirestore db) {
  final path = StringBuffer('out')..write('box');
  return db.collection(path.toString()).add({}); // HERE
}
""",
    ),
    "copied options": (
        "E6",
        """
FirebaseOptions go(FirebaseOptions given) => given.copyWith(projectId: 'desk-old'); // HERE
""",
    ),
    "options from a map": (
        "E6",
        """
final copied = FirebaseOptions.fromMap({'projectId': 'desk-old'}); // HERE
""",
    ),
}

FINE = {
    "getter of an extension on queries": (
        "E3",
        """
extension Sorted<T> on Query<T> {
  Query<T> get byRank => orderBy('rank');
}
Stream<Object> go(FirebaseFirestore db) => db.collection('tasks').byRank.snapshots();
""",
    ),
    "U+0000 in a text": ("E1", "const shown = '\x0024';\n"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_it_is_found(tmp_path: Path, name: str) -> None:
    line, code = BROKEN[name]
    expect_findings(tmp_path, line, {"lib/extra.dart": IMPORTS + code})


@pytest.mark.parametrize("name", FINE)
def test_it_is_accepted(tmp_path: Path, name: str) -> None:
    line, code = FINE[name]
    expect_pass(tmp_path, line, {"lib/extra.dart": IMPORTS + code})
