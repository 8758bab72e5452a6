"use strict";

const { createHash, randomUUID } = require("node:crypto");
const fs = require("node:fs/promises");
const path = require("node:path");

const { jidOfPhone } = require("../identity");
const { writeWhole } = require("../sessions");

/**
 * A transport without WhatsApp: accounts pair at once, messages are delivered at once, and `simulate` makes clients
 * write and read. The session is a file, so a restart reconnects as with the real transport.
 */
function createLoopback() {
  const lines = new Map();

  async function connect({ accountId, folder, on }) {
    const file = path.join(folder, "loopback.json");
    const session = await readJson(file);
    const phone = session?.phone ?? phoneOf(accountId);
    const line = { on, open: true, refusals: 0, sent: new Map() };
    if (!session) {
      on.status({ status: "pairing", pairingCode: `loopback:${accountId}` });
      await writeWhole(file, JSON.stringify({ phone, pairedAt: new Date().toISOString() }));
      // The history that a test stored for the account's phone.
      const history = await readJson(path.join(folder, "history.json"));
      if (history) on.history(history);
    }
    lines.set(accountId, line);
    await on.status({ status: "connected", phone });
    return {
      async send({ jid, messageId, text }) {
        if (!line.open) throw new Error("the connection is closed");
        if (line.refusals > 0) {
          line.refusals -= 1;
          throw new Error("refused, as a test asked");
        }
        // A message with the same id is ignored, as in WhatsApp.
        if (!line.sent.has(messageId)) line.sent.set(messageId, { jid, messageId, text });
        on.receipt({ jid, messageId, status: "delivered" });
      },
      async close() {
        line.open = false;
      },
      async logout() {
        line.open = false;
        lines.delete(accountId);
        await fs.rm(file, { force: true });
      },
    };
  }

  function line(accountId) {
    const found = lines.get(accountId);
    if (!found?.open) throw new RangeError(`account ${accountId} is not connected`);
    return found;
  }

  return {
    connect,
    simulate: {
      /** A client sends a message. @returns {Promise<{messageId: string}>} */
      async receive(accountId, { from, text, name, messageId = randomUUID(), sentAt = Date.now() }) {
        await line(accountId).on.message({ jid: jidOfPhone(from), messageId, text, sentAt, fromMe: false, name });
        return { messageId };
      },
      /** A client reads the messages of the account. */
      async read(accountId, { messageId }) {
        const message = line(accountId).sent.get(messageId);
        if (!message) throw new RangeError(`nothing was sent with id ${messageId}`);
        await line(accountId).on.receipt({ jid: message.jid, messageId, status: "read" });
        return { messageId };
      },
      /** Reject the next messages. */
      refuse(accountId, { times = 1 }) {
        line(accountId).refusals = times;
        return { times };
      },
      /** The messages that clients received, in order. */
      sent: (accountId) => [...line(accountId).sent.values()],
    },
  };
}

const phoneOf = (accountId) =>
  `+4070${String(createHash("sha256").update(accountId).digest().readUInt32BE() % 10_000_000).padStart(7, "0")}`;

async function readJson(file) {
  try {
    return JSON.parse(await fs.readFile(file, "utf8"));
  } catch (error) {
    if (error.code === "ENOENT") return null;
    throw error;
  }
}

module.exports = { createLoopback };
