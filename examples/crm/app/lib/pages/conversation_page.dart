import 'package:cloud_firestore/cloud_firestore.dart';
import 'package:flutter/material.dart';

import '../services/crm_service.dart';
import '../services/whatsapp_service.dart';

/// One thread: its latest messages, a field to answer in, and the event that the conversation is about.
class ConversationPage extends StatefulWidget {
  const ConversationPage({super.key, required this.crm, required this.whatsApp, required this.thread});

  final CrmService crm;
  final WhatsAppService whatsApp;
  final DocumentSnapshot<Map<String, dynamic>> thread;

  @override
  State<ConversationPage> createState() => _ConversationPageState();
}

class _ConversationPageState extends State<ConversationPage> {
  final _text = TextEditingController();

  /// Kept until the message is sent, so that a second tap after an error does not send it twice.
  String? _requestId;

  @override
  void dispose() {
    _text.dispose();
    super.dispose();
  }

  Future<void> _send() async {
    final text = _text.text.trim();
    if (text.isEmpty) return;
    final requestId = _requestId ??= WhatsAppService.newRequestId();
    try {
      await widget.whatsApp.sendViaProxy(
        accountId: widget.thread.get('accountId') as String,
        to: widget.thread.get('clientPhone') as String,
        text: text,
        clientRequestId: requestId,
      );
    } on WhatsAppException catch (error) {
      if (mounted) ScaffoldMessenger.of(context).showSnackBar(SnackBar(content: Text('$error')));
      return;
    }
    _requestId = null;
    _text.clear();
  }

  Future<void> _saveEvent() async {
    final event = await widget.crm.extractEvent(widget.thread.id);
    if (event == null || !mounted) return;
    final confirmed = await showDialog<bool>(
      context: context,
      builder: (context) => AlertDialog(
        title: Text(event.title),
        content: Text('${event.date}, ${event.amount ?? '-'} ${event.currency}'),
        actions: [
          TextButton(onPressed: () => Navigator.pop(context, false), child: const Text('Cancel')),
          TextButton(onPressed: () => Navigator.pop(context, true), child: const Text('Save')),
        ],
      ),
    );
    if (confirmed == true) await widget.crm.saveEvent(event);
  }

  @override
  Widget build(BuildContext context) => Scaffold(
        appBar: AppBar(
          title: Text(widget.thread.get('clientPhone') as String),
          actions: [
            IconButton(onPressed: _saveEvent, icon: const Icon(Icons.event)),
            IconButton(
              onPressed: () => widget.crm.archiveThread(widget.thread.id),
              icon: const Icon(Icons.archive),
            ),
          ],
        ),
        body: Column(
          children: [
            Expanded(
              child: StreamBuilder(
                stream: widget.crm.messagesIn(widget.thread.id).limit(100).snapshots(),
                builder: (context, snapshot) {
                  if (snapshot.hasError) return Center(child: Text('${snapshot.error}'));
                  final messages = snapshot.data?.docs ?? [];
                  return ListView(
                    reverse: true,
                    children: [
                      for (final message in messages)
                        ListTile(
                          title: Text(message.data()['text'] as String? ?? ''),
                          subtitle: Text(message.data()['status'] as String? ?? ''),
                        ),
                    ],
                  );
                },
              ),
            ),
            TextField(controller: _text, onSubmitted: (_) => _send()),
          ],
        ),
      );
}
