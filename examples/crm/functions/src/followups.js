"use strict";

const { FieldValue, Timestamp, getFirestore } = require("firebase-admin/firestore");
const { logger } = require("firebase-functions");
const { onSchedule } = require("firebase-functions/scheduler");

const { FOLLOW_UP_BATCH } = require("./config");

const KEEP_DAYS = 30;
// Two writes each in one Firestore batch, whose limit was 500 writes for years.
const MAX_BATCH = 250;

/**
 * Create notifications for due follow-ups. @returns {Promise<number>} the number of notifications
 *
 * A notification has its follow-up's id, and both are written in one batch, so a second run in the same hour (which
 * Cloud Scheduler may cause) changes nothing.
 */
async function notifyDue(db, now, limit) {
  const due = await db
    .collection("followUps")
    .where("status", "==", "open")
    .where("dueAt", "<=", Timestamp.fromDate(now))
    .orderBy("dueAt")
    .limit(Math.min(limit, MAX_BATCH))
    .get();
  const expiresAt = Timestamp.fromMillis(now.getTime() + KEEP_DAYS * 24 * 3600 * 1000);
  const batch = db.batch();
  for (const doc of due.docs) {
    const { clientPhone, note, assignedTo, createdBy } = doc.data();
    batch.set(db.doc(`notifications/${doc.id}`), {
      uid: assignedTo || createdBy,
      kind: "followUp",
      clientPhone: clientPhone ?? null,
      text: note ?? "",
      read: false,
      createdAt: FieldValue.serverTimestamp(),
      expiresAt,
    });
    batch.update(doc.ref, { status: "notified", notifiedAt: FieldValue.serverTimestamp() });
  }
  await batch.commit();
  return due.size;
}

const processFollowUps = onSchedule(
  { schedule: "every 1 hours", timeZone: "Europe/Bucharest", retryCount: 3, timeoutSeconds: 300 },
  async (event) => {
    const count = await notifyDue(getFirestore(), new Date(event.scheduleTime), FOLLOW_UP_BATCH.value());
    logger.info("follow-ups notified", { count });
  },
);

module.exports = { notifyDue, processFollowUps };
