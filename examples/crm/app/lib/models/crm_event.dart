import 'package:cloud_firestore/cloud_firestore.dart';

/// A document of evenimente/: something the company organises for a client.
class CrmEvent {
  const CrmEvent({
    required this.clientPhone,
    required this.date,
    required this.type,
    required this.title,
    this.amount,
    this.currency = 'RON',
    this.status = 'planned',
  });

  static const schemaVersion = 1;

  /// E.164, the id of clients/{phoneE164}.
  final String clientPhone;

  /// YYYY-MM-DD: a day, not a moment, so that no time zone can move it.
  final String date;
  final String type;
  final String title;
  final num? amount;
  final String currency;
  final String status;

  /// The draft that the function extractEventFromThread returns.
  factory CrmEvent.fromDraft(Map<String, dynamic> draft) => CrmEvent(
        clientPhone: draft['clientPhone'] as String,
        date: draft['date'] as String,
        type: draft['type'] as String,
        title: draft['title'] as String,
        amount: draft['amount'] as num?,
        currency: draft['currency'] as String,
        status: draft['status'] as String,
      );

  /// What firestore.rules demand of a new event: signed, of this schema, not archived.
  Map<String, dynamic> toNewDocument({required String createdBy}) => {
        'clientPhone': clientPhone,
        'date': date,
        'type': type,
        'title': title,
        'amount': amount,
        'currency': currency,
        'status': status,
        'createdBy': createdBy,
        'createdAt': FieldValue.serverTimestamp(),
        'schemaVersion': schemaVersion,
        'isArchived': false,
      };
}
