"use strict";
// Every kind of function that the majors 4 to 7 of firebase-functions have in common, one of each.

const v1 = require("firebase-functions/v1");
const { setGlobalOptions } = require("firebase-functions/v2");
const alerts = require("firebase-functions/v2/alerts");
const database = require("firebase-functions/v2/database");
const { onCustomEventPublished } = require("firebase-functions/v2/eventarc");
const firestore = require("firebase-functions/v2/firestore");
const { onCall, onRequest } = require("firebase-functions/v2/https");
const identity = require("firebase-functions/v2/identity");
const { onMessagePublished } = require("firebase-functions/v2/pubsub");
const { onConfigUpdated } = require("firebase-functions/v2/remoteConfig");
const { onSchedule } = require("firebase-functions/v2/scheduler");
const { onObjectFinalized } = require("firebase-functions/v2/storage");
const { onTaskDispatched } = require("firebase-functions/v2/tasks");
const { onTestMatrixCompleted } = require("firebase-functions/v2/testLab");
const { defineInt, defineSecret, defineString, select } = require("firebase-functions/params");

setGlobalOptions({ region: "europe-west1", maxInstances: 5 });

const key = defineSecret("KEY");
const least = defineInt("LEAST", { default: 1, label: "warm instances" });
const zone = defineString("ZONE", { default: "Europe/Bucharest", input: select(["Europe/Bucharest", "UTC"]) });
const done = async () => {};

exports.open = onRequest({ invoker: "public", minInstances: least, secrets: [key], labels: { of: "test" } }, done);
exports.shut = onRequest({ invoker: "private", cpu: 2, concurrency: 20, memory: "1GiB" }, done);
exports.named = onRequest({ invoker: ["caller@"], vpcConnector: "web", vpcConnectorEgressSettings: "ALL_TRAFFIC" }, done);
exports.ask = onCall({ region: ["europe-west1", "us-east1"], timeoutSeconds: 30 }, done);
exports.hidden = onRequest({ omit: true }, done);
exports.clients = {
  created: firestore.onDocumentCreated("clients/{phone}", done),
  exact: firestore.onDocumentUpdated({ document: "config/crm", retry: true }, done),
  archive: { anything: firestore.onDocumentWritten({ document: "archive/{rest=**}", database: "(default)" }, done) },
};
exports.tick = onSchedule({ schedule: "every 5 minutes", timeZone: zone, retryCount: 2, maxBackoffSeconds: 600 }, done);
exports.plain = onSchedule("every monday 09:00", done);

exports.message = onMessagePublished("incoming", done);
exports.object = onObjectFinalized(done);
exports.bucket = onObjectFinalized({ bucket: "crm-exports" }, done);
exports.value = database.onValueWritten("/presence/{user}", done);
exports.custom = onCustomEventPublished({ eventType: "crm.sent", channel: "projects/crm-sandbox/locations/us-central1/channels/crm" }, done);
exports.config = onConfigUpdated(done);
exports.matrix = onTestMatrixCompleted(done);
exports.alert = alerts.onAlertPublished("crashlytics.newFatalIssue", done);
exports.task = onTaskDispatched({ retryConfig: { maxAttempts: 3 }, rateLimits: { maxConcurrentDispatches: 6 } }, done);
exports.beforeCreate = identity.beforeUserCreated({ idToken: true }, done);
exports.beforeSignIn = identity.beforeUserSignedIn(done);

exports.first = {
  request: v1.region("europe-west1").runWith({ memory: "512MB", secrets: ["KEY"] }).https.onRequest(done),
  call: v1.https.onCall(done),
  document: v1.firestore.document("clients/{phone}").onWrite(done),
  message: v1.pubsub.topic("incoming").onPublish(done),
  schedule: v1.pubsub.schedule("every 24 hours").timeZone("UTC").onRun(done),
  object: v1.storage.object().onFinalize(done),
  user: v1.auth.user().onCreate(done),
  value: v1.database.ref("/presence/{user}").onWrite(done),
  config: v1.remoteConfig.onUpdate(done),
  matrix: v1.testLab.testMatrix().onComplete(done),
  task: v1.tasks.taskQueue({ retryConfig: { maxAttempts: 3 } }).onDispatch(done),
};
