import 'package:firebase_core/firebase_core.dart';

/// Where the app finds its project. The key only names the app to Google; firestore.rules decide who may do what.
const crmProjectId = String.fromEnvironment('FIREBASE_PROJECT', defaultValue: 'crm-sandbox');
const crmRegion = 'europe-west1';

const crmFirebaseOptions = FirebaseOptions(
  projectId: crmProjectId,
  apiKey: String.fromEnvironment('FIREBASE_API_KEY'),
  appId: String.fromEnvironment('FIREBASE_APP_ID'),
  messagingSenderId: String.fromEnvironment('FIREBASE_SENDER_ID'),
);
