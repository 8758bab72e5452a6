"""E1: what writes to the outbox is found however it is written, and nothing else is."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.flutter_app import FILES, IMPORTS, answer, expect_findings, expect_pass

pytestmark = pytest.mark.unit

# Each is the text of lib/extra.dart behind the imports.
BROKEN = {
    "add": """
Future<void> f() => FirebaseFirestore.instance.collection('outbox').add({'a': 1}); // HERE
""",
    "set of a document of a constant": """
const kQueue = 'outbox';
final db = FirebaseFirestore.instance;
Future<void> f(String id) async {
  final ref = db.collection(kQueue).doc(id);
  await ref.set({'a': 1}); // HERE
}
""",
    "batch through a variable": """
Future<void> f(FirebaseFirestore db) async {
  final queue = db.collection('outbox');
  final batch = db.batch();
  batch.set(queue.doc(), {'a': 1}); // HERE
  await batch.commit();
}
""",
    "cascade on a batch": """
Future<void> f(FirebaseFirestore db) => (db.batch()
  ..update(db.collection('threads').doc('x'), {'a': 1})
  ..set(db.collection('outbox').doc('x'), {'a': 1})) // HERE
    .commit();
""",
    "transaction": """
class Sender {
  Sender(this._db);
  final FirebaseFirestore _db;
  Future<void> go() => _db.runTransaction((tx) async {
        final snapshot = await tx.get(_db.doc('threads/1'));
        tx.set(_db.doc('outbox/${snapshot.id}'), {'a': 1}); // HERE
      });
}
""",
    "transaction of a type": """
Future<void> f(FirebaseFirestore db) => db.runTransaction<int>((tx) async {
      tx.set(db.collection('outbox').doc(), {'a': 1}); // HERE
      return 1;
    });
""",
    "path with an interpolation": """
Future<void> f(FirebaseFirestore db, String id) => db.doc('outbox/$id').set({'a': 1}); // HERE
""",
    "name from pieces": """
const _out = 'out';
class Names { static String get queue => '${_out}box'; }
Future<void> f(FirebaseFirestore db) => db.collection(Names.queue).add({}); // HERE
""",
    "adjacent texts and a sum": """
Future<void> f(FirebaseFirestore db) async {
  await db.collection('out' 'box').add({}); // HERE
  await db.collection('out' + 'box').add({}); // HERE
}
""",
    "value of an enum": """
enum Coll {
  threads('threads'),
  queue('outbox');
  const Coll(this.path);
  final String path;
}
Future<void> f(FirebaseFirestore db) => db.collection(Coll.queue.path).add({}); // HERE
""",
    "name of an enum's value": """
enum Coll { threads, outbox }
Future<void> f(FirebaseFirestore db) => db.collection(Coll.outbox.name).add({}); // HERE
""",
    "extension on an enum": """
enum Coll { threads, queue }
extension CollPath on Coll {
  String get path => switch (this) { Coll.threads => 'threads', Coll.queue => 'outbox' };
}
Future<void> f(FirebaseFirestore db) => db.collection(Coll.queue.path).add({}); // HERE
""",
    "name given to a base class": """
abstract class Repo {
  Repo(this.db, this.path);
  final FirebaseFirestore db;
  final String path;
  Future<void> save(Map<String, dynamic> data) => db.collection(path).add(data); // HERE
}
class QueueRepo extends Repo { QueueRepo(FirebaseFirestore db) : super(db, 'outbox'); }
class ThreadRepo extends Repo { ThreadRepo(FirebaseFirestore db) : super(db, 'threads'); }
""",
    "name from a getter of a subclass": """
abstract class Repo<T> {
  String get path;
  CollectionReference<Map<String, dynamic>> get _all => FirebaseFirestore.instance.collection(path);
  Future<void> save(Map<String, dynamic> data) => _all.doc('x').set(data); // HERE
}
class QueueRepo extends Repo<int> { @override String get path => 'outbox'; }
void f(Repo<int> repo) => repo.save({});
""",
    "super parameter": """
class Repo {
  Repo({required this.path});
  final String path;
  Future<void> save() => FirebaseFirestore.instance.collection(path).add({}); // HERE
}
class QueueRepo extends Repo { QueueRepo({super.path = 'outbox'}); }
void f() => QueueRepo().save();
""",
    "collection group": """
Future<void> f(FirebaseFirestore db) async {
  final found = await db.collectionGroup('outbox').get();
  for (final doc in found.docs) {
    await doc.reference.update({'a': 1}); // HERE
  }
}
""",
    "delete": """
Future<void> f(FirebaseFirestore db, String id) => db.collection('outbox').doc(id).delete(); // HERE
""",
    "extension on Firestore": """
extension Collections on FirebaseFirestore {
  CollectionReference<Map<String, dynamic>> get queue => collection('outbox');
}
Future<void> f() => FirebaseFirestore.instance.queue.add({}); // HERE
""",
    "map of names": """
const paths = {'t': 'threads', 'q': 'outbox'};
Future<void> f(FirebaseFirestore db) => db.collection(paths['q']!).add({}); // HERE
""",
    "converter": """
class Message { Map<String, dynamic> toJson() => {}; }
final queue = FirebaseFirestore.instance.collection('outbox').withConverter<Message>(
      fromFirestore: (s, _) => Message(),
      toFirestore: (m, _) => m.toJson(),
    );
Future<void> f(Message m) => queue.add(m); // HERE
""",
    "helper with the name as a parameter": """
Future<void> write(String collection, Map<String, dynamic> data) =>
    FirebaseFirestore.instance.collection(collection).add(data);
Future<void> g() => write('threads', {});
Future<void> h() => write('outbox', {}); // HERE
""",
    "function in a variable": """
void f(FirebaseFirestore db) {
  final write = (String name) => db.collection(name).add({}); // HERE
  write('outbox');
}
""",
    "method as a value": """
void f(FirebaseFirestore db) {
  final add = db.collection('outbox').add;
  add({'a': 1}); // HERE
}
""",
    "provider of Riverpod": """
final dbProvider = Provider<FirebaseFirestore>((ref) => FirebaseFirestore.instance);
final repoProvider = Provider((ref) => Repo(ref.watch(dbProvider), 'outbox'));
class Repo {
  Repo(this.db, this.name);
  final FirebaseFirestore db;
  final String name;
  Future<void> put() => db.collection(name).doc('1').set({}); // HERE
}
class Page extends ConsumerWidget {
  Widget build(BuildContext context, WidgetRef ref) =>
      TextButton(onPressed: () => ref.read(repoProvider).put(), child: const Text('x'));
}
""",
    "switch and condition": """
String nameOf(bool urgent, int kind) {
  switch (kind) {
    case 1:
      return 'threads';
    default:
      return urgent ? 'outbox' : 'tasks';
  }
}
Future<void> f(FirebaseFirestore db, bool urgent, int kind) =>
    db.collection(nameOf(urgent, kind)).add({}); // HERE
""",
    "loop over names": """
Future<void> f(FirebaseFirestore db) async {
  for (final name in ['threads', 'outbox']) {
    await db.collection(name).doc('x').set({}); // HERE
  }
}
""",
    "late field": """
class Page extends StatefulWidget { State<Page> createState() => _PageState(); }
class _PageState extends State<Page> {
  late CollectionReference<Map<String, dynamic>> _queue;
  void initState() {
    super.initState();
    _queue = FirebaseFirestore.instance.collection('outbox');
  }
  Widget build(BuildContext context) =>
      TextButton(onPressed: () => _queue.add({}), child: const Text('x')); // HERE
}
""",
    "default of a parameter": """
Future<void> put(FirebaseFirestore db, {String name = 'outbox'}) => db.collection(name).add({}); // HERE
void f(FirebaseFirestore db) => put(db);
""",
    "singleton with a factory": """
class Store {
  factory Store() => _one;
  Store._();
  static final Store _one = Store._();
  final _db = FirebaseFirestore.instance;
  late final queue = _db.collection('outbox');
}
void f() => Store().queue.doc().set({}); // HERE
""",
    "parent of a reference": """
Future<void> f(FirebaseFirestore db) async {
  final doc = await db.doc('outbox/1').get();
  await doc.reference.parent.add({}); // HERE
}
""",
    "container of dependencies": """
final getIt = GetIt.instance;
Future<void> f() => getIt<FirebaseFirestore>().collection('outbox').add({}); // HERE
class Page extends StatelessWidget {
  Widget build(BuildContext context) => TextButton(
        onPressed: () => context.read<FirebaseFirestore>().doc('outbox/1').delete(), // HERE
        child: const Text('x'),
      );
}
""",
    "event of a bloc": """
class Put { Put(this.target); final CollectionReference<Map<String, dynamic>> target; }
class QueueBloc extends Bloc<Put, int> {
  QueueBloc() : super(0) {
    on<Put>((event, emit) async {
      await event.target.add({}); // HERE
    });
  }
}
void f(QueueBloc bloc, FirebaseFirestore db) => bloc.add(Put(db.collection('outbox')));
""",
    "variable that is set elsewhere": """
var target = 'threads';
void choose(bool queue) { if (queue) target = 'outbox'; }
Future<void> f(FirebaseFirestore db) => db.collection(target).add({}); // HERE
""",
    "text that is cut and turned": """
Future<void> f(FirebaseFirestore db) async {
  await db.collection('my-outbox'.substring(3)).add({}); // HERE
  await db.collection('xobtuo'.split('').reversed.join()).add({}); // HERE
}
""",
    "mixin": """
mixin Stores {
  FirebaseFirestore get db => FirebaseFirestore.instance;
  CollectionReference<Map<String, dynamic>> store(String name) => db.collection(name);
}
class Page with Stores {
  Future<void> put() => store('outbox').add({}); // HERE
}
""",
    "prefixed import": """
import 'package:cloud_firestore/cloud_firestore.dart' as fs;
Future<void> f(fs.WriteBatch batch, fs.FirebaseFirestore db) async {
  batch.set(db.collection('outbox').doc(), {}, fs.SetOptions(merge: true)); // HERE
  await fs.FirebaseFirestore.instance.collection('outbox').doc('1').update({}); // HERE
}
""",
    "then": """
void f(FirebaseFirestore db) {
  db.collection('outbox').where('a', isEqualTo: 1).get().then((found) {
    found.docs.forEach((doc) => doc.reference.delete()); // HERE
  });
}
""",
    "stream builder": """
class Page extends StatelessWidget {
  Widget build(BuildContext context) => StreamBuilder<QuerySnapshot<Map<String, dynamic>>>(
        stream: FirebaseFirestore.instance.collection('outbox').snapshots(),
        builder: (context, snapshot) => TextButton(
          onPressed: () => snapshot.data!.docs.first.reference.update({'a': 1}), // HERE
          child: const Text('x'),
        ),
      );
}
""",
    "Firestore's REST address": """
import 'package:http/http.dart' as http;
const base = 'https://firestore.googleapis.com/v1/projects/desk-prod/databases/(default)';
Future<void> f() => http.post(Uri.parse('$base/documents/outbox'), body: '{}'); // HERE
""",
    "post to the backend": """
import 'package:http/http.dart' as http;
Future<void> f(String base, Object body) =>
    http.post(Uri.parse('$base/api/messages'), body: body); // HERE
class Api {
  Api(this.dio);
  final Dio dio;
  Future<void> send(Object body) => dio.post('/send', data: body); // HERE
}
""",
    "message that the app creates": """
Future<void> f(FirebaseFirestore db, String thread) =>
    db.collection('threads').doc(thread).collection('messages').add({'text': 'hi'}); // HERE
""",
    "the function without the method": """
class Quick {
  Future<void> reply(String to) => FirebaseFunctions.instance
      .httpsCallable('relaySend') // HERE
      .call({'to': to});
}
""",
    "the function by its address": """
import 'package:http/http.dart' as http;
Future<void> f(Object body) => http.post(
      Uri.https('europe-west1-desk-prod.cloudfunctions.net', 'relaySend'), // HERE
      body: body,
    );
""",
    "the function through a helper": """
Future<void> call(String name, Object data) => FirebaseFunctions.instance.httpsCallable(name).call(data);
void f() => call('relayRemove', {});
void g() => call('relaySend', {}); // HERE
""",
}

FINE = {
    "posts to others": """
import 'package:http/http.dart' as http;
Future<void> f(String base, Object body) async {
  await http.post(Uri.parse('$base/api/labels'), body: body);
  await http.get(Uri.parse('$base/api/messages'));
  await http.post(Uri.parse('https://fcm.googleapis.com/fcm/send'), body: body);
}
""",
    "reading the outbox": """
Stream<int> f(FirebaseFirestore db) => db.collection('outbox').snapshots().map((s) => s.size);
""",
    "another name": """
Future<void> f(FirebaseFirestore db) => db.collection('outboxes').add({});
""",
    "a list of that name": """
class Drafts {
  final List<Map<String, dynamic>> outbox = [];
  void put(Map<String, dynamic> m) => outbox.add(m);
}
""",
    "a text that is shown": """
Widget f() => const Text('outbox');
""",
    "a key of a map": """
Map<String, int> f(Map<String, int> counts) => counts..['outbox'] = 3;
""",
    "a comment": """
// db.collection('outbox').add({});
/* db.collection('outbox').add({}); */
void f() {}
""",
    "another class with the same methods": """
class Shelf { Shelf collection(String name) => this; void add(Object o) {} }
void f() => Shelf().collection('outbox').add(1);
""",
    "a document below a user": """
Future<void> f(FirebaseFirestore db, String uid) =>
    db.collection('users').doc(uid).collection('drafts').add({'folder': 'outbox'});
""",
    "a document whose id is outbox": """
Future<void> f(FirebaseFirestore db) => db.collection('folders').doc('outbox').set({'open': true});
""",
    "a base class with other names": """
abstract class Repo {
  Repo(this.path);
  final String path;
  Future<void> save(Map<String, dynamic> d) => FirebaseFirestore.instance.collection(path).add(d);
}
class ThreadRepo extends Repo { ThreadRepo() : super('threads'); }
class TaskRepo extends Repo { TaskRepo() : super('tasks'); }
void f() { ThreadRepo().save({}); TaskRepo().save({}); }
""",
    "preferences and caches": """
class Cache { Future<void> set(String key, Object value) async {} Future<void> delete(String key) async {} }
Future<void> f(Cache cache) async { await cache.set('outbox', 1); await cache.delete('outbox'); }
""",
    "helper with known names": """
Future<void> put(String name, Map<String, dynamic> data) =>
    FirebaseFirestore.instance.collection(name).add(data);
void f() { put('threads', {}); put('tasks', {}); }
""",
    "updating the status of a message": """
Future<void> f(FirebaseFirestore db, String t, String m) =>
    db.doc('threads/$t/messages/$m').update({'read': true});
""",
    "sending through a tear-off": """
class Page extends StatelessWidget {
  Page(this.relay);
  final Relay relay;
  Widget build(BuildContext context) => Composer(onSend: relay.dispatchMessage);
}
class Composer extends StatelessWidget {
  const Composer({required this.onSend});
  final Future<void> Function(String, String) onSend;
  Widget build(BuildContext context) =>
      TextButton(onPressed: () => onSend('a', 'b'), child: const Text('x'));
}
""",
    "reference from a document": """
Future<void> f(FirebaseFirestore db) async {
  final found = await db.collection('threads').limit(5).get();
  final batch = db.batch();
  for (final doc in found.docs) {
    batch.update(doc.reference, {'isArchived': true});
  }
  await batch.commit();
}
""",
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_way_around_is_found(tmp_path: Path, name: str) -> None:
    expect_findings(tmp_path, "E1", {"lib/extra.dart": IMPORTS + BROKEN[name]})


@pytest.mark.parametrize("name", FINE)
def test_what_is_right_is_accepted(tmp_path: Path, name: str) -> None:
    expect_pass(tmp_path, "E1", {"lib/extra.dart": IMPORTS + FINE[name]})


def test_the_method_must_be_there(tmp_path: Path) -> None:
    relay = "class Relay { Relay(Object o); void removeAccount(String id) {} void send(String a) {} }"
    found = answer(tmp_path, "E1", {"lib/services/relay.dart": relay})
    assert "no method dispatchMessage()" in found.findings[0].what


def test_the_method_must_call_the_function(tmp_path: Path) -> None:
    relay = """class Relay {
  Relay(Object o);
  void removeAccount(String id) {}
  Future<void> dispatchMessage(String a, String b) async {} // HERE
}
"""
    expect_findings(tmp_path, "E1", {"lib/services/relay.dart": relay})


def test_something_must_call_the_method(tmp_path: Path) -> None:
    found = answer(tmp_path, "E1", {"lib/main.dart": "void main() {}\n"})
    assert [(one.file, one.line) for one in found.findings] == [("lib/services/relay.dart", 7)]
    assert "nothing in the app calls" in found.findings[0].what


def test_the_name_can_come_from_another_file_and_a_part(tmp_path: Path) -> None:
    files = {
        "lib/names/all.dart": "export 'names.dart';\n",
        "lib/names/names.dart": "class Names { static const queue = 'outbox'; }\n",
        "lib/store.dart": "import 'package:cloud_firestore/cloud_firestore.dart';\n"
        "import 'package:desk/names/all.dart' as n;\npart 'store_writes.dart';\n"
        "final db = FirebaseFirestore.instance;\n",
        "lib/store_writes.dart": "part of 'store.dart';\n"
        "Future<void> put() => db.collection(n.Names.queue).add({}); // HERE\n",
    }
    expect_findings(tmp_path, "E1", files)


def test_a_package_of_the_workspace_belongs_to_the_app(tmp_path: Path) -> None:
    files = {
        "pubspec.yaml": FILES["pubspec.yaml"] + "  data:\n    path: packages/data\n",
        "packages/data/pubspec.yaml": "name: data\n",
        "packages/data/lib/data.dart": "export 'src/queue.dart';\n",
        "packages/data/lib/src/queue.dart": "import 'package:cloud_firestore/cloud_firestore.dart';\n"
        "Future<void> put() => FirebaseFirestore.instance.collection('outbox').add({}); // HERE\n",
        "packages/data/test/queue_test.dart": "void main() { db.collection('outbox').add({}); }\n",
    }
    expect_findings(tmp_path, "E1", files)


def test_a_collection_that_is_not_known_is_not_passed(tmp_path: Path) -> None:
    code = """
class Page extends StatelessWidget {
  Page(this.config);
  final Map<String, dynamic> config;
  Widget build(BuildContext context) => TextButton(
        onPressed: () => FirebaseFirestore.instance.collection(config['where'] as String).add({}),
        child: const Text('x'),
      );
}
"""
    found = answer(tmp_path, "E1", {"lib/extra.dart": IMPORTS + code})
    assert not found.findings
    assert found.unknown[0].startswith("lib/extra.dart:11: add()")


def test_a_file_that_is_not_dart_is_named(tmp_path: Path) -> None:
    found = answer(tmp_path, "E1", {"lib/broken.dart": "class {{{\n"})
    assert found.unknown[0].startswith("lib/broken.dart:1: not Dart")


@pytest.mark.parametrize("levels", [60, 1000])
def test_widgets_can_be_nested(tmp_path: Path, levels: int) -> None:
    write = "TextButton(onPressed: () => FirebaseFirestore.instance.collection('outbox').add({}))"
    code = f"Widget f() =>\n{'Box(child: ' * levels}{write}{')' * levels}; // HERE\n"
    expect_findings(tmp_path, "E1", {"lib/extra.dart": IMPORTS + code})


def test_tests_are_not_part_of_the_app(tmp_path: Path) -> None:
    code = "void main() { FirebaseFirestore.instance.collection('outbox').add({}); }\n"
    expect_pass(tmp_path, "E1", {"test/a_test.dart": code, "integration_test/b_test.dart": code})
