import 'dart:convert';
import 'dart:math';

import 'package:firebase_auth/firebase_auth.dart';
import 'package:http/http.dart' as http;

import '../firebase_options.dart';

class WhatsAppException implements Exception {
  const WhatsAppException(this.statusCode, this.message);

  final int statusCode;
  final String message;

  @override
  String toString() => 'WhatsApp: $message ($statusCode)';
}

/// The app uses WhatsApp through three functions only. It cannot write to outbox/.
class WhatsAppService {
  WhatsAppService({required this.auth, required this.client});

  final FirebaseAuth auth;
  final http.Client client;

  static final _random = Random.secure();

  /// Create it once for each tap on "send" and use it for retries: a message with the same id is sent once.
  static String newRequestId() =>
      List.generate(16, (_) => _random.nextInt(256).toRadixString(16).padLeft(2, '0')).join();

  /// Returns the id of the message. Its status changes in threads/{threadId}/messages/.
  Future<String> sendViaProxy({
    required String accountId,
    required String to,
    required String text,
    required String clientRequestId,
  }) async {
    final answer = await _call('POST', 'whatsappProxySend', {
      'accountId': accountId,
      'to': to,
      'text': text,
      'clientRequestId': clientRequestId,
    });
    return answer['messageId'] as String;
  }

  Future<List<Map<String, dynamic>>> accounts() async {
    final answer = await _call('GET', 'whatsappProxyGetAccounts', null);
    return (answer['accounts'] as List).cast<Map<String, dynamic>>();
  }

  /// For administrators. Threads and messages of the account are kept.
  Future<void> deleteAccountViaProxy(String accountId) =>
      _call('POST', 'whatsappProxyDeleteAccount', {'accountId': accountId});

  Future<Map<String, dynamic>> _call(String method, String name, Map<String, Object?>? body) async {
    final request = http.Request(method, Uri.https('$crmRegion-$crmProjectId.cloudfunctions.net', name));
    request.headers['authorization'] = 'Bearer ${await auth.currentUser!.getIdToken()}';
    if (body != null) {
      request.headers['content-type'] = 'application/json';
      request.body = jsonEncode(body);
    }
    final response = await http.Response.fromStream(await client.send(request));
    final answer = jsonDecode(response.body) as Map<String, dynamic>;
    if (response.statusCode >= 300) {
      final error = answer['error'] as Map<String, dynamic>?;
      throw WhatsAppException(response.statusCode, error?['message'] as String? ?? 'no reason given');
    }
    return answer;
  }
}
