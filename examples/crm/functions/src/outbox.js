"use strict";

const { FieldValue, Timestamp, getFirestore } = require("firebase-admin/firestore");
const { logger } = require("firebase-functions");
const { onRequest } = require("firebase-functions/https");

const STUCK_AFTER_MS = 10 * 60 * 1000;
const BATCH = 200;

/**
 * Queue messages again that the backend claimed and did not finish because it was killed. WhatsApp drops a second
 * copy, because a message keeps its id. @returns {Promise<number>} the number of messages
 */
async function requeueStuck(db, now) {
  const stuck = await db
    .collection("outbox")
    .where("status", "==", "sending")
    .where("claimedAt", "<=", Timestamp.fromMillis(now.getTime() - STUCK_AFTER_MS))
    .orderBy("claimedAt")
    .limit(BATCH)
    .get();
  let count = 0;
  for (const doc of stuck.docs) {
    const moved = await db.runTransaction(async (tx) => {
      const current = await tx.get(doc.ref);
      if (current.get("status") !== "sending") return false;
      tx.update(doc.ref, { status: "queued", claimedAt: FieldValue.delete() });
      return true;
    });
    if (moved) count += 1;
  }
  return count;
}

/** Private: requires run.invoker; for manual use, for instance after an outage. */
const processOutboxNow = onRequest({ invoker: "private", timeoutSeconds: 120 }, async (_request, response) => {
  const requeued = await requeueStuck(getFirestore(), new Date());
  logger.info("outbox requeued", { requeued });
  response.json({ requeued });
});

module.exports = { processOutboxNow, requeueStuck };
