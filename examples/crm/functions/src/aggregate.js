"use strict";

const { FieldValue, getFirestore } = require("firebase-admin/firestore");
const { logger } = require("firebase-functions");
const { onDocumentWritten } = require("firebase-functions/firestore");

const { E164 } = require("./identity");
const { clientStats } = require("./stats");

/** Write clients/{phone}.stats from the client's current events; create the client if it does not exist. */
async function refreshClient(db, phone) {
  const client = db.doc(`clients/${phone}`);
  const events = db.collection("evenimente").where("clientPhone", "==", phone).where("isArchived", "==", false);
  await db.runTransaction(async (tx) => {
    // Both reads are locked until the commit, so two events saved at once do not overwrite each other's sums.
    const [known, current] = [await tx.get(client), await tx.get(events)];
    const stats = clientStats(current.docs.map((doc) => doc.data()));
    if (known.exists) tx.update(client, { stats, statsAt: FieldValue.serverTimestamp() });
    else {
      const createdAt = FieldValue.serverTimestamp();
      tx.create(client, { phone, displayName: phone, tags: [], createdAt, stats, statsAt: createdAt });
    }
  });
}

const aggregateClientStats = onDocumentWritten(
  { document: "evenimente/{eventId}", retry: true, timeoutSeconds: 120 },
  async (event) => {
    // Before and after: an event that is moved to another client changes the sums of both.
    const phones = new Set([event.data?.before.get("clientPhone"), event.data?.after.get("clientPhone")]);
    for (const phone of phones) {
      if (phone === undefined) continue;
      if (!E164.test(phone)) {
        // A retry does not help, and an exception would be retried for a day.
        logger.error("event without a usable clientPhone", { eventId: event.params.eventId });
        continue;
      }
      await refreshClient(getFirestore(), phone);
    }
  },
);

module.exports = { aggregateClientStats, refreshClient };
