"use strict";

const { FieldValue, getFirestore } = require("firebase-admin/firestore");
const { logger } = require("firebase-functions");
const { onDocumentWritten } = require("firebase-functions/firestore");

const { E164 } = require("./identity");
const { clientStats } = require("./stats");

/** Write clients/{phone}.stats from the client's events as they are now; the client is created when new. */
async function refreshClient(db, phone) {
  const client = db.doc(`clients/${phone}`);
  const events = db.collection("evenimente").where("clientPhone", "==", phone).where("isArchived", "==", false);
  await db.runTransaction(async (tx) => {
    // Both reads are locked until the commit: two events saved at once cannot overwrite each other's sums.
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
    // Both sides: an event moved from one client to another changes the sums of two.
    const phones = new Set([event.data?.before.get("clientPhone"), event.data?.after.get("clientPhone")]);
    for (const phone of phones) {
      if (phone === undefined) continue;
      if (!E164.test(phone)) {
        // Retrying cannot mend it, and a throw would be retried for a day.
        logger.error("event without a usable clientPhone", { eventId: event.params.eventId });
        continue;
      }
      await refreshClient(getFirestore(), phone);
    }
  },
);

module.exports = { aggregateClientStats, refreshClient };
