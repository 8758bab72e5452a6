"use strict";

const { cert, deleteApp, initializeApp } = require("firebase-admin/app");
const { getAuth } = require("firebase-admin/auth");
const { getFirestore } = require("firebase-admin/firestore");

const START_TIMEOUT_MS = 20_000;

/** A promise's value, or an error after a time-out. */
async function within(promise, milliseconds, what) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} takes longer than ${milliseconds / 1000} s`)), milliseconds);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Initialise Firebase with a service account and read once: a well-formed key may have been revoked. */
async function startFirebase(serviceAccount, log) {
  const app = initializeApp({ credential: cert(serviceAccount), projectId: serviceAccount.project_id });
  const db = getFirestore(app);
  const firebase = {
    auth: getAuth(app),
    db,
    projectId: serviceAccount.project_id,
    ping: (milliseconds) => within(db.collection("accounts").limit(1).get(), milliseconds, "a read from Firestore"),
    close: async () => {
      await db.terminate();
      await deleteApp(app);
    },
  };
  await firebase.ping(START_TIMEOUT_MS);
  log.info("Firebase initialized");
  return firebase;
}

module.exports = { startFirebase, within };
