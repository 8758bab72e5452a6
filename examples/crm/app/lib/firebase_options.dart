import 'package:firebase_core/firebase_core.dart';

/// The app's Firebase project. The key identifies the app and grants nothing; firestore.rules define the access.
const crmProjectId = String.fromEnvironment('FIREBASE_PROJECT', defaultValue: 'crm-sandbox');
const crmRegion = 'europe-west1';

const crmFirebaseOptions = FirebaseOptions(
  projectId: crmProjectId,
  apiKey: String.fromEnvironment('FIREBASE_API_KEY'),
  appId: String.fromEnvironment('FIREBASE_APP_ID'),
  messagingSenderId: String.fromEnvironment('FIREBASE_SENDER_ID'),
);
