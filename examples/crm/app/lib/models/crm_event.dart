import 'package:cloud_firestore/cloud_firestore.dart';

/// A document of evenimente/: an event that the company organises for a client.
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

  /// YYYY-MM-DD: a date without a time, so it does not depend on the time zone.
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

  /// The fields that firestore.rules require of a new event: author, schema version, not archived.
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
