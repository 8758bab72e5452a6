import 'package:cloud_firestore/cloud_firestore.dart';
import 'package:cloud_functions/cloud_functions.dart';
import 'package:firebase_auth/firebase_auth.dart';
import 'package:firebase_core/firebase_core.dart';
import 'package:flutter/material.dart';
import 'package:http/http.dart' as http;

import 'firebase_options.dart';
import 'pages/accounts_page.dart';
import 'pages/conversation_page.dart';
import 'services/crm_service.dart';
import 'services/whatsapp_service.dart';

Future<void> main() async {
  WidgetsFlutterBinding.ensureInitialized();
  await Firebase.initializeApp(options: crmFirebaseOptions);
  final crm = CrmService(
    db: FirebaseFirestore.instance,
    auth: FirebaseAuth.instance,
    functions: FirebaseFunctions.instanceFor(region: crmRegion),
  );
  final whatsApp = WhatsAppService(auth: FirebaseAuth.instance, client: http.Client());
  runApp(MaterialApp(title: 'CRM', home: ThreadsPage(crm: crm, whatsApp: whatsApp, accountId: 'sales')));
}

class ThreadsPage extends StatelessWidget {
  const ThreadsPage({super.key, required this.crm, required this.whatsApp, required this.accountId});

  final CrmService crm;
  final WhatsAppService whatsApp;
  final String accountId;

  @override
  Widget build(BuildContext context) => Scaffold(
        appBar: AppBar(
          title: Text(accountId),
          actions: [
            IconButton(
              onPressed: () => Navigator.push(
                context,
                MaterialPageRoute<void>(builder: (_) => AccountsPage(whatsApp: whatsApp)),
              ),
              icon: const Icon(Icons.phone_android),
            ),
          ],
        ),
        body: StreamBuilder(
          stream: crm.threadsOf(accountId).limit(50).snapshots(),
          builder: (context, snapshot) {
            if (snapshot.hasError) return Center(child: Text('${snapshot.error}'));
            final threads = snapshot.data?.docs ?? [];
            return ListView(
              children: [
                for (final thread in threads)
                  ListTile(
                    title: Text(thread.data()['displayName'] as String? ?? thread.data()['clientPhone'] as String),
                    subtitle: Text(thread.data()['lastMessagePreview'] as String? ?? ''),
                    onTap: () => Navigator.push(
                      context,
                      MaterialPageRoute<void>(
                        builder: (_) => ConversationPage(crm: crm, whatsApp: whatsApp, thread: thread),
                      ),
                    ),
                  ),
              ],
            );
          },
        ),
      );
}
