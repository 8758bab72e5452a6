import 'package:flutter/material.dart';

import '../services/whatsapp_service.dart';

/// The WhatsApp accounts, for administrators.
class AccountsPage extends StatefulWidget {
  const AccountsPage({super.key, required this.whatsApp});

  final WhatsAppService whatsApp;

  @override
  State<AccountsPage> createState() => _AccountsPageState();
}

class _AccountsPageState extends State<AccountsPage> {
  late Future<List<Map<String, dynamic>>> _accounts = widget.whatsApp.accounts();

  Future<void> _delete(String accountId) async {
    await widget.whatsApp.deleteAccountViaProxy(accountId);
    if (mounted) setState(() => _accounts = widget.whatsApp.accounts());
  }

  @override
  Widget build(BuildContext context) => Scaffold(
        appBar: AppBar(title: const Text('Accounts')),
        body: FutureBuilder(
          future: _accounts,
          builder: (context, snapshot) => ListView(
            children: [
              for (final account in snapshot.data ?? <Map<String, dynamic>>[])
                ListTile(
                  title: Text(account['accountId'] as String),
                  subtitle: Text(account['status'] as String? ?? ''),
                  trailing: IconButton(
                    onPressed: () => _delete(account['accountId'] as String),
                    icon: const Icon(Icons.delete),
                  ),
                ),
            ],
          ),
        ),
      );
}
