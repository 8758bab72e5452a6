"""E4: accounts are deleted through the proxy function only."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.flutter_app import FILES, IMPORTS, NAMES, answer, expect_findings, expect_pass

pytestmark = pytest.mark.unit

BROKEN = {
    "delete": """
Future<void> f(FirebaseFirestore db, String id) => db.collection('accounts').doc(id).delete(); // HERE
""",
    "delete by a path": """
Future<void> f(FirebaseFirestore db, String id) => db.doc('accounts/$id').delete(); // HERE
""",
    "batch": """
Future<void> f(FirebaseFirestore db, List<String> ids) async {
  final batch = db.batch();
  final accounts = db.collection('accounts');
  for (final id in ids) {
    batch.delete(accounts.doc(id)); // HERE
  }
  await batch.commit();
}
""",
    "transaction": """
Future<void> f(FirebaseFirestore db) => db.runTransaction((tx) async {
      tx.delete(db.doc('accounts/x')); // HERE
    });
""",
    "reference of a document": """
Future<void> f(FirebaseFirestore db) async {
  final found = await db.collection('accounts').where('state', isEqualTo: 'off').get();
  await Future.wait(found.docs.map((doc) => doc.reference.delete())); // HERE
}
""",
    "generic repository": """
class Repo {
  Repo(this.name);
  final String name;
  Future<void> remove(String id) => FirebaseFirestore.instance.collection(name).doc(id).delete();
}
final accounts = Repo('accounts');
final tasks = Repo('tasks');
void f() {
  accounts.remove('1'); // HERE
  tasks.remove('1');
}
""",
    "method as a value": """
Widget f(FirebaseFirestore db, String id) => TextButton(
      onPressed: db.collection('accounts').doc(id).delete, // HERE
      child: const Text('x'),
    );
""",
    "below an account": """
Future<void> f(FirebaseFirestore db, String id) =>
    db.collection('accounts').doc(id).collection('sessions').doc('1').delete(); // HERE
""",
    "a batch's method for each": """
Future<void> f(FirebaseFirestore db, List<String> ids) async {
  final batch = db.batch();
  ids.map(db.collection('accounts').doc).forEach(batch.delete); // HERE
  await batch.commit();
}
""",
    "request below a given address": """
Future<void> f(http.Client c, Uri base, String id) => c.delete(base.resolve('/accounts/$id')); // HERE
""",
    "request with options": """
Future<void> f(Dio dio, String id) =>
    dio.request<void>('/accounts/$id', options: Options(method: 'DELETE')); // HERE
""",
    "marked as deleted": """
Future<void> f(FirebaseFirestore db, String id) =>
    db.doc('accounts/$id').update({'deleted': true}); // HERE
""",
    "marked with a time": """
Future<void> f(FirebaseFirestore db, String id) => db
    .doc('accounts/$id')
    .set({'deletedAt': FieldValue.serverTimestamp()}, SetOptions(merge: true)); // HERE
""",
    "marked by a state": """
Future<void> f(FirebaseFirestore db, String id) =>
    db.collection('accounts').doc(id).update({'status': 'deleted'}); // HERE
""",
    "request to the backend": """
import 'package:http/http.dart' as http;
Future<void> f(String base, String id) => http.delete(Uri.parse('$base/api/accounts/$id')); // HERE
""",
    "request of Dio": """
class Api {
  Api(this.dio);
  final Dio dio;
  Future<void> remove(String id) => dio.delete('/api/accounts/$id'); // HERE
}
""",
    "request with a method": """
import 'package:http/http.dart' as http;
Future<void> f(http.Client client, String base, String id) =>
    client.send(http.Request('DELETE', Uri.parse('$base/accounts/$id'))); // HERE
""",
}

FINE = {
    "what an account has, not the account": """
Future<void> f(FirebaseFirestore db, String id) =>
    db.collection('accounts').doc(id).collection('quickReplies').doc('1').delete();
""",
    "another collection": """
Future<void> f(FirebaseFirestore db, String id) => db.collection('tasks').doc(id).delete();
""",
    "reading accounts": """
Stream<Object> f(FirebaseFirestore db) => db.collection('accounts').snapshots();
""",
    "the user of Firebase": """
Future<void> f() => FirebaseAuth.instance.currentUser!.delete();
""",
    "a list of accounts": """
class Accounts {
  final accounts = <String>[];
  void delete(String id) => accounts.remove(id);
}
void f() => Accounts().delete('1');
""",
    "renaming": """
Future<void> f(FirebaseFirestore db, String id) =>
    db.doc('accounts/$id').update({'label': 'x', 'deleted': false});
""",
    "a field of a task": """
Future<void> f(FirebaseFirestore db, String id) => db.doc('tasks/$id').update({'deleted': true});
""",
    "an account of another service": """
import 'package:http/http.dart' as http;
Future<void> f(String id) => http.delete(Uri.parse('https://api.payments.example/v1/accounts/$id'));
""",
    "a request for something else": """
import 'package:http/http.dart' as http;
Future<void> f(String base, String id) => http.delete(Uri.parse('$base/api/labels/$id'));
""",
    "the proxy by its address": """
import 'package:http/http.dart' as http;
Future<void> f(String id) =>
    http.delete(Uri.https('europe-west1-desk-prod.cloudfunctions.net', 'accounts/relayRemove'));
""",
    "a repository of other collections": """
class Repo {
  Repo(this.name);
  final String name;
  Future<void> remove(String id) => FirebaseFirestore.instance.collection(name).doc(id).delete();
}
void f() { Repo('tasks').remove('1'); Repo('labels').remove('1'); }
""",
    "a batch of another collection": """
Future<void> f(FirebaseFirestore db) async {
  final found = await db.collection('threads').doc('accounts').collection('tasks').get();
  final batch = db.batch();
  for (final doc in found.docs) { batch.delete(doc.reference); }
  await batch.commit();
}
""",
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_deletion_by_the_app_is_found(tmp_path: Path, name: str) -> None:
    expect_findings(tmp_path, "E4", {"lib/extra.dart": IMPORTS + BROKEN[name]})


@pytest.mark.parametrize("name", FINE)
def test_what_is_no_deletion_of_an_account_is_accepted(tmp_path: Path, name: str) -> None:
    expect_pass(tmp_path, "E4", {"lib/extra.dart": IMPORTS + FINE[name]})


def test_requests_can_name_the_apps_own_collection(tmp_path: Path) -> None:
    code = "Future<void> f(Dio dio, String id) => dio.delete<void>('/numbers/$id'); // HERE\n"
    names = replace(NAMES, accounts="numbers")
    expect_findings(tmp_path, "E4", {"lib/extra.dart": IMPORTS + code}, names=names)


def test_the_function_must_be_called(tmp_path: Path) -> None:
    relay = FILES["lib/services/relay.dart"].replace("relayRemove", "relayHide")
    found = answer(tmp_path, "E4", {"lib/services/relay.dart": relay})
    assert "nothing in the app calls the function relayRemove" in found.findings[0].what


def test_the_method_that_calls_it_must_be_used(tmp_path: Path) -> None:
    main = FILES["lib/main.dart"].replace("relay.removeAccount('sales')", "print('x')")
    relay = FILES["lib/services/relay.dart"].replace("'relayRemove')", "'relayRemove') // HERE\n     ")
    expect_findings(tmp_path, "E4", {"lib/main.dart": main, "lib/services/relay.dart": relay})


def test_a_deletion_of_an_unknown_collection_is_not_passed(tmp_path: Path) -> None:
    code = """
class Bin extends StatelessWidget {
  Bin(this.reference);
  final DocumentReference reference;
  Widget build(BuildContext context) => TextButton(onPressed: reference.delete, child: const Text('x'));
}
"""
    found = answer(tmp_path, "E4", {"lib/extra.dart": IMPORTS + code})
    assert not found.findings
    assert found.unknown[0].startswith("lib/extra.dart:10: deletes a document whose path is not known")
