"""E2: each creation of an event has its author, its schema version, and is not archived."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.flutter_app import IMPORTS, answer, expect_findings, expect_pass

pytestmark = pytest.mark.unit

MODEL = """
class Booking {
  const Booking(
      {required this.title, required this.createdBy, this.schemaVersion = 3, this.isArchived = false});
  final String title;
  final String createdBy;
  final int schemaVersion;
  final bool isArchived;
  factory Booking.fromMap(Map<String, dynamic> m) => Booking(
        title: m['title'] as String,
        createdBy: m['createdBy'] as String,
        schemaVersion: m['schemaVersion'] as int,
        isArchived: m['isArchived'] as bool? ?? false,
      );
  Map<String, dynamic> toMap() => {
        'title': title,
        'createdBy': createdBy,
        'schemaVersion': schemaVersion,
        'isArchived': isArchived,
      };
  Booking copyWith({String? title, bool? isArchived}) => Booking(
        title: title ?? this.title,
        createdBy: createdBy,
        schemaVersion: schemaVersion,
        isArchived: isArchived ?? this.isArchived,
      );
}
"""

BROKEN = {
    "no author": """
void f(FirebaseFirestore db) => db.collection('bookings').add({ // HERE
      'title': 'x', 'schemaVersion': 3, 'isArchived': false,
    });
""",
    "no version": """
void f(FirebaseFirestore db, String uid) {
  db.collection('bookings').doc().set({'createdBy': uid, 'isArchived': false}); // HERE
}
""",
    "not said to be open": """
void f(FirebaseFirestore db, String uid) {
  final data = {'createdBy': uid, 'schemaVersion': 3};
  db.collection('bookings').add(data); // HERE
}
""",
    "archived": """
void f(FirebaseFirestore db, String uid) =>
    db.collection('bookings').add({'createdBy': uid, 'schemaVersion': 3, 'isArchived': true}); // HERE
""",
    "archived as a text": """
void f(FirebaseFirestore db, String uid) =>
    db.collection('bookings').add({'createdBy': uid, 'schemaVersion': 3, 'isArchived': 'false'}); // HERE
""",
    "no author but null": """
void f(FirebaseFirestore db) =>
    db.collection('bookings').add({'createdBy': null, 'schemaVersion': 3, 'isArchived': false}); // HERE
""",
    "another version than the rules": """
const version = 2;
void f(FirebaseFirestore db, String uid) =>
    db.collection('bookings').add({'createdBy': uid, 'schemaVersion': version, 'isArchived': false}); // HERE
""",
    "mistyped field": """
void f(FirebaseFirestore db, String uid) =>
    db.collection('bookings').add({'created_by': uid, 'schemaVersion': 3, 'isArchived': false}); // HERE
""",
    "only under a condition": """
void f(FirebaseFirestore db, String? uid) {
  final data = <String, dynamic>{'schemaVersion': 3, 'isArchived': false};
  if (uid != null) data['createdBy'] = uid;
  db.collection('bookings').add(data); // HERE
}
""",
    "only under a condition in the map": """
void f(FirebaseFirestore db, String? uid) => db.collection('bookings').add({ // HERE
      if (uid != null) 'createdBy': uid, 'schemaVersion': 3, 'isArchived': false,
    });
""",
    "removed before the write": """
void f(FirebaseFirestore db, String uid) {
  final data = <String, dynamic>{'createdBy': uid, 'schemaVersion': 3, 'isArchived': false};
  data.remove('schemaVersion');
  db.collection('bookings').add(data); // HERE
}
""",
    "model without a field": """
class Slim {
  Slim(this.title, this.createdBy);
  final String title;
  final String createdBy;
  Map<String, dynamic> toJson() => {'title': title, 'createdBy': createdBy, 'isArchived': false};
}
class Store {
  final db = FirebaseFirestore.instance;
  Future<void> save(Slim one) => db.collection('bookings').doc('1').set(one.toJson()); // HERE
}
""",
    "model with a value that archives": f"""{MODEL}
void f(FirebaseFirestore db, String uid) => db
    .collection('bookings')
    .add(Booking(title: 't', createdBy: uid, isArchived: true).toMap()); // HERE
""",
    "copy that archives": f"""{MODEL}
void f(FirebaseFirestore db, String uid) {{
  final one = Booking(title: 't', createdBy: uid);
  db.collection('bookings').add(one.copyWith(isArchived: true).toMap()); // HERE
}}
""",
    "spread of a map without the field": """
Map<String, dynamic> base(String uid) => {'createdBy': uid, 'schemaVersion': 3};
void f(FirebaseFirestore db, String uid) =>
    db.collection('bookings').add({...base(uid), 'title': 'x'}); // HERE
""",
    "converter of a model without a field": """
class Slim {
  Slim(this.createdBy);
  final String createdBy;
  Map<String, Object?> toFirestore() => {'createdBy': createdBy, 'schemaVersion': 3};
}
final bookings = FirebaseFirestore.instance.collection('bookings').withConverter<Slim>(
      fromFirestore: (s, _) => Slim(s.data()!['createdBy'] as String),
      toFirestore: (one, _) => one.toFirestore(),
    );
void f(Slim one) => bookings.add(one); // HERE
""",
    "batch": """
void f(FirebaseFirestore db, String uid) {
  final batch = db.batch();
  batch.set(db.collection('bookings').doc(), {'createdBy': uid, 'schemaVersion': 3}); // HERE
  batch.commit();
}
""",
    "transaction": """
void f(FirebaseFirestore db, String uid) => db.runTransaction((tx) async {
      final ref = db.collection('bookings').doc('1');
      final now = await tx.get(ref);
      if (!now.exists) tx.set(ref, {'createdBy': uid, 'isArchived': false}); // HERE
    });
""",
    "merge of a new document": """
void f(FirebaseFirestore db, String id, String uid) => db
    .doc('bookings/$id')
    .set({'createdBy': uid, 'isArchived': false}, SetOptions(merge: true)); // HERE
""",
    "helper that gets the map": """
class Store {
  Store(this.db);
  final FirebaseFirestore db;
  Future<void> put(Map<String, dynamic> data) => db.collection('bookings').add(data);
}
void f(Store store, String uid) {
  store.put({'createdBy': uid, 'schemaVersion': 3, 'isArchived': false});
  store.put({'createdBy': uid, 'schemaVersion': 3}); // HERE
}
""",
    "freezed model": """
@freezed
class Slot with _$Slot {
  const factory Slot({required String createdBy, @Default(3) int schemaVersion}) = _Slot;
  factory Slot.fromJson(Map<String, dynamic> json) => _$SlotFromJson(json);
}
void f(FirebaseFirestore db, String uid) =>
    db.collection('bookings').add(Slot(createdBy: uid).toJson()); // HERE
""",
}

FINE = {
    "literal": """
void f(FirebaseFirestore db, String uid) => db
    .collection('bookings')
    .add({'createdBy': uid, 'schemaVersion': 3, 'isArchived': false, 'title': 'x'});
""",
    "variable that is filled": """
void f(FirebaseFirestore db, String uid) {
  final data = <String, dynamic>{};
  data['createdBy'] = uid;
  data.addAll({'schemaVersion': 3});
  data..['isArchived'] = false;
  db.collection('bookings').add(data);
}
""",
    "filled on both ways": """
void f(FirebaseFirestore db, String? uid) {
  final data = <String, dynamic>{'schemaVersion': 3, 'isArchived': false};
  if (uid != null) {
    data['createdBy'] = uid;
  } else {
    data['createdBy'] = 'system';
  }
  db.collection('bookings').add(data);
}
""",
    "model": f"""{MODEL}
void f(FirebaseFirestore db, String uid) =>
    db.collection('bookings').add(Booking(title: 'x', createdBy: uid).toMap());
""",
    "model that is changed and copied": f"""{MODEL}
class Store {{
  Store(this._db);
  final FirebaseFirestore _db;
  Future<void> create(Booking one) => _db.collection('bookings').add(one.toMap());
  Future<void> archive(String id) => _db.doc('bookings/$id').update({{'isArchived': true}});
}}
void f(Store store, String uid) =>
    store.create(Booking(title: 'x', createdBy: uid).copyWith(title: 'y'));
""",
    "model and author beside it": """
class Draft {
  Draft(this.title);
  final String title;
  Map<String, dynamic> toJson() => {'title': title};
}
Map<String, dynamic> stamp(String uid) => {'createdBy': uid, 'schemaVersion': 3, 'isArchived': false};
void f(FirebaseFirestore db, Draft draft, String uid) =>
    db.collection('bookings').doc(draft.title).set({...draft.toJson(), ...stamp(uid)});
""",
    "converter": f"""{MODEL}
final bookings = FirebaseFirestore.instance.collection('bookings').withConverter<Booking>(
      fromFirestore: (s, _) => Booking.fromMap(s.data()!),
      toFirestore: (one, _) => one.toMap(),
    );
void f(String uid) => bookings.doc().set(Booking(title: 'x', createdBy: uid));
""",
    "constants for the fields": """
abstract final class Fields {
  static const author = 'createdBy';
  static const version = 'schemaVersion';
  static const archived = 'isArchived';
}
const currentVersion = 3;
void f(FirebaseFirestore db, String uid) => db.collection('bookings').add({
      Fields.author: uid, Fields.version: currentVersion, Fields.archived: false,
    });
""",
    "archiving and editing": """
void f(FirebaseFirestore db, String id) {
  db.doc('bookings/$id').update({'isArchived': true});
  db.doc('bookings/$id').set({'title': 'y'}, SetOptions(merge: true));
  db.doc('bookings/$id').set({'isArchived': true}, SetOptions(merge: true));
}
""",
    "another collection": """
void f(FirebaseFirestore db) {
  db.collection('tasks').add({'title': 'x'});
  db.doc('bookings/1/notes/2').set({'text': 'x'});
}
""",
    "batch and transaction": """
Map<String, dynamic> stamped(Map<String, dynamic> data, String uid) =>
    {...data, 'createdBy': uid, 'schemaVersion': 3, 'isArchived': false};
void f(FirebaseFirestore db, String uid) async {
  final batch = db.batch();
  for (final title in ['a', 'b']) {
    batch.set(db.collection('bookings').doc(), stamped({'title': title}, uid));
  }
  await batch.commit();
  await db.runTransaction((tx) async => tx.set(db.doc('bookings/1'), stamped({}, uid)));
}
""",
    "nulls are removed": """
void f(FirebaseFirestore db, String uid, String? note) {
  final data = {'createdBy': uid, 'schemaVersion': 3, 'isArchived': false, 'note': note}
    ..removeWhere((key, value) => value == null);
  db.collection('bookings').add(data);
}
""",
    "freezed model": """
@freezed
class Slot with _$Slot {
  const factory Slot({
    @JsonKey(name: 'createdBy') required String author,
    @Default(3) int schemaVersion,
    @Default(false) bool isArchived,
  }) = _Slot;
  factory Slot.fromJson(Map<String, dynamic> json) => _$SlotFromJson(json);
}
void f(FirebaseFirestore db, String uid) =>
    db.collection('bookings').add(Slot(author: uid).toJson());
""",
    "json_serializable": """
@JsonSerializable()
class Slot {
  Slot({required this.createdBy, this.isArchived = false});
  final String createdBy;
  final int schemaVersion = 3;
  final bool isArchived;
  Map<String, dynamic> toJson() => _$SlotToJson(this);
}
void f(FirebaseFirestore db, String uid) =>
    db.collection('bookings').add(Slot(createdBy: uid).toJson());
""",
    "base class of models": """
abstract class Entity {
  Entity(this.createdBy);
  final String createdBy;
  int get schemaVersion => 3;
  Map<String, dynamic> fields();
  Map<String, dynamic> toMap() =>
      {...fields(), 'createdBy': createdBy, 'schemaVersion': schemaVersion, 'isArchived': false};
}
class Booking extends Entity {
  Booking(this.title, super.createdBy);
  final String title;
  @override
  Map<String, dynamic> fields() => {'title': title};
}
abstract class Repo<T extends Entity> {
  Repo(this.path);
  final String path;
  Future<void> insert(T one) => FirebaseFirestore.instance.collection(path).add(one.toMap());
}
class BookingRepo extends Repo<Booking> { BookingRepo() : super('bookings'); }
void f(String uid) => BookingRepo().insert(Booking('x', uid));
""",
}


@pytest.mark.parametrize("name", BROKEN)
def test_an_event_without_its_fields_is_found(tmp_path: Path, name: str) -> None:
    expect_findings(tmp_path, "E2", {"lib/extra.dart": IMPORTS + BROKEN[name]})


@pytest.mark.parametrize("name", FINE)
def test_an_event_with_its_fields_is_accepted(tmp_path: Path, name: str) -> None:
    expect_pass(tmp_path, "E2", {"lib/extra.dart": IMPORTS + FINE[name]})


def test_what_is_not_known_is_not_passed(tmp_path: Path) -> None:
    code = """
class Form extends StatelessWidget {
  Form(this.values);
  final Map<String, dynamic> values;
  Widget build(BuildContext context) => TextButton(
        onPressed: () => FirebaseFirestore.instance.collection('bookings').add(values),
        child: const Text('x'),
      );
}
"""
    found = answer(tmp_path, "E2", {"lib/extra.dart": IMPORTS + code})
    assert not found.findings
    assert found.unknown[0].startswith("lib/extra.dart:11: add() of bookings/…")
