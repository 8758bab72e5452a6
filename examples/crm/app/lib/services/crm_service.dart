import 'package:cloud_firestore/cloud_firestore.dart';
import 'package:cloud_functions/cloud_functions.dart';
import 'package:firebase_auth/firebase_auth.dart';

import '../models/crm_event.dart';

/// The app's queries and writes. Each query of more than one field has its index in firestore.indexes.json.
class CrmService {
  CrmService({required this.db, required this.auth, required this.functions});

  final FirebaseFirestore db;
  final FirebaseAuth auth;
  final FirebaseFunctions functions;

  String get _uid => auth.currentUser!.uid;

  Query<Map<String, dynamic>> threadsOf(String accountId) => db
      .collection('threads')
      .where('accountId', isEqualTo: accountId)
      .where('isArchived', isEqualTo: false)
      .orderBy('lastMessageAt', descending: true);

  Query<Map<String, dynamic>> allThreadsOf(String accountId) => db
      .collection('threads')
      .where('accountId', isEqualTo: accountId)
      .orderBy('lastMessageAt', descending: true);

  Query<Map<String, dynamic>> messagesIn(String threadId) =>
      db.collection('threads').doc(threadId).collection('messages').orderBy('tsClient', descending: true);

  /// One client's messages across all accounts: a client has a thread per account.
  Query<Map<String, dynamic>> messagesOf(List<String> threadIds) => db
      .collectionGroup('messages')
      .where('threadId', whereIn: threadIds)
      .orderBy('tsClient', descending: true);

  Query<Map<String, dynamic>> eventsOf(String clientPhone) => db
      .collection('evenimente')
      .where('clientPhone', isEqualTo: clientPhone)
      .where('isArchived', isEqualTo: false)
      .orderBy('date', descending: true);

  Query<Map<String, dynamic>> eventsFrom(String date) => db
      .collection('evenimente')
      .where('isArchived', isEqualTo: false)
      .where('date', isGreaterThanOrEqualTo: date)
      .orderBy('date');

  Query<Map<String, dynamic>> clientsTagged(String tag) =>
      db.collection('clients').where('tags', arrayContains: tag).orderBy('displayName');

  Query<Map<String, dynamic>> myFollowUps() => db
      .collection('followUps')
      .where('assignedTo', isEqualTo: _uid)
      .where('status', isEqualTo: 'open')
      .orderBy('dueAt');

  Query<Map<String, dynamic>> myNotifications() => db
      .collection('notifications')
      .where('uid', isEqualTo: _uid)
      .orderBy('createdAt', descending: true);

  Future<DocumentReference<Map<String, dynamic>>> saveEvent(CrmEvent event) =>
      db.collection('evenimente').add(event.toNewDocument(createdBy: _uid));

  /// Events and threads are archived, never deleted. Clients are never deleted.
  Future<void> archiveEvent(String eventId) => db.doc('evenimente/$eventId').update({'isArchived': true});

  Future<void> archiveThread(String threadId) => db.doc('threads/$threadId').update({'isArchived': true});

  /// The event that a conversation is about, for the user to check and save; null if there is none.
  Future<CrmEvent?> extractEvent(String threadId) async {
    final result = await functions.httpsCallable('extractEventFromThread').call({'threadId': threadId});
    final draft = (result.data as Map)['event'] as Map?;
    return draft == null ? null : CrmEvent.fromDraft(Map<String, dynamic>.from(draft));
  }

  Future<String> ask(String clientPhone, String question) async {
    final result = await functions
        .httpsCallable('askAboutClient')
        .call({'clientPhone': clientPhone, 'question': question});
    return (result.data as Map)['answer'] as String;
  }
}
