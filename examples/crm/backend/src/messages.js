"use strict";

const { FieldValue, Timestamp } = require("firebase-admin/firestore");

const { jidOfPhone, messageIdOf, phoneOfJid, threadIdOf } = require("./identity");

const PREVIEW = 120;
const KEEP_SENT_DAYS = 30;
// A status only moves to the right; receipts may be late, repeated and in any order.
const PROGRESS = ["queued", "sent", "delivered", "read"];

/** Whether a message's status may change from one to the other. A failed message may turn out to be sent. */
function advances(from, to) {
  if (to === "failed") return from === "queued";
  return PROGRESS.indexOf(to) > PROGRESS.indexOf(from);
}

/**
 * The part of an account's history that is stored: the threads with the newest messages, and their newest messages.
 * Oldest first, so that the newest message of a thread is stored last.
 */
function selectHistory(messages, { threads, messagesPerThread }) {
  const byThread = new Map();
  for (const message of messages) {
    if (!phoneOfJid(message.jid)) continue;
    if (!byThread.has(message.jid)) byThread.set(message.jid, []);
    byThread.get(message.jid).push(message);
  }
  const newestFirst = (a, b) => b.sentAt - a.sentAt;
  return [...byThread.values()]
    .map((thread) => thread.sort(newestFirst))
    .sort((a, b) => newestFirst(a[0], b[0]))
    .slice(0, threads)
    .flatMap((thread) => thread.slice(0, messagesPerThread))
    .sort((a, b) => a.sentAt - b.sentAt);
}

/** The conversations in Firestore: threads, messages, clients, outbox. */
class Messages {
  constructor(db, log) {
    this.db = db;
    this.log = log;
  }

  ref(accountId, jid, messageId) {
    return this.db.doc(`threads/${threadIdOf(accountId, jid)}/messages/${messageId}`);
  }

  /**
   * Add a message to a client to the outbox. Idempotent.
   *
   * @returns {Promise<{threadId: string, messageId: string, status: string}>}
   */
  async enqueue({ accountId, to, text, clientRequestId, uid }) {
    const jid = jidOfPhone(to);
    const messageId = messageIdOf(accountId, clientRequestId);
    const message = this.ref(accountId, jid, messageId);
    const thread = message.parent.parent;
    const client = this.db.doc(`clients/${to}`);
    return this.db.runTransaction(async (tx) => {
      const [known, knownThread, knownClient] = await tx.getAll(message, thread, client);
      if (known.exists) return { threadId: thread.id, messageId, status: known.get("status") };
      const now = Timestamp.now();
      const base = { accountId, clientJid: jid, clientPhone: to };
      tx.create(message, {
        ...base, threadId: thread.id, direction: "out", text, status: "queued", tsClient: now, createdBy: uid,
      });
      tx.create(this.db.doc(`outbox/${messageId}`), {
        ...base, threadId: thread.id, messageId, text, status: "queued", attempts: 0, createdAt: now, createdBy: uid,
      });
      this.#touch(tx, knownThread, base, { text, at: now, unread: 0 });
      this.#meet(tx, knownClient, to);
      return { threadId: thread.id, messageId, status: "queued" };
    });
  }

  /**
   * Store a message from the transport, sent by the client or from the account's own phone.
   *
   * @param {{jid: string, messageId: string, text: string, sentAt: number, fromMe?: boolean, name?: string}} message
   *   sentAt in milliseconds
   * @param {{unread: boolean}} options false for history
   * @returns {Promise<boolean>} false if it exists already, or is not from a person
   */
  async keep(accountId, { jid, messageId, text, sentAt, fromMe = false, name }, { unread }) {
    const phone = phoneOfJid(jid);
    if (!phone) return false;
    const person = jidOfPhone(phone); // one thread per person, for all of their devices
    const message = this.ref(accountId, person, messageId);
    const thread = message.parent.parent;
    const client = this.db.doc(`clients/${phone}`);
    return this.db.runTransaction(async (tx) => {
      const [known, knownThread, knownClient] = await tx.getAll(message, thread, client);
      if (known.exists) return false;
      const at = Timestamp.fromMillis(sentAt);
      const base = { accountId, clientJid: person, clientPhone: phone };
      tx.create(message, {
        ...base, threadId: thread.id, direction: fromMe ? "out" : "in", text, tsClient: at,
        status: fromMe ? "sent" : "received", receivedAt: FieldValue.serverTimestamp(),
      });
      this.#touch(tx, knownThread, base, { text, at, unread: unread && !fromMe ? 1 : 0, name: fromMe ? undefined : name });
      this.#meet(tx, knownClient, phone, fromMe ? undefined : name);
      return true;
    });
  }

  /** Create the client if it does not exist. What members wrote about an existing one is kept. */
  #meet(tx, client, phone, name = phone) {
    if (client.exists) return;
    const createdAt = FieldValue.serverTimestamp();
    tx.create(client.ref, { phone, displayName: name, tags: [], createdBy: "backend", createdAt });
  }

  #touch(tx, thread, base, { text, at, unread, name }) {
    const change = {};
    // History arrives after newer messages: the thread must keep its newest message as the last one.
    const head = thread.get("lastMessageAt");
    if (!head || head.toMillis() <= at.toMillis()) {
      change.lastMessageAt = at;
      change.lastMessagePreview = text.slice(0, PREVIEW);
    }
    if (name) change.displayName = name;
    if (!thread.exists) {
      tx.create(thread.ref, { ...base, isArchived: false, unreadCount: unread, createdAt: FieldValue.serverTimestamp(), ...change });
      return;
    }
    // A new message of the client restores an archived thread.
    if (unread) Object.assign(change, { unreadCount: FieldValue.increment(unread), isArchived: false });
    if (Object.keys(change).length) tx.update(thread.ref, change);
  }

  /** Apply a receipt from the transport. @returns {Promise<boolean>} whether anything changed */
  async receipt(accountId, { jid, messageId, status }) {
    const phone = phoneOfJid(jid);
    if (!phone) return false;
    const message = this.ref(accountId, jidOfPhone(phone), messageId);
    return this.db.runTransaction(async (tx) => {
      const known = await tx.get(message);
      if (!known.exists) {
        this.log.warn(`receipt "${status}" for a message that is not known here: ${messageId}`);
        return false;
      }
      if (!advances(known.get("status"), status)) return false;
      tx.update(message, { status, [`${status}At`]: FieldValue.serverTimestamp() });
      return true;
    });
  }

  /** Claim a queued message for sending. @returns {Promise<object|null>} null if it is claimed already */
  async claim(outboxRef) {
    return this.db.runTransaction(async (tx) => {
      const entry = await tx.get(outboxRef);
      if (entry.get("status") !== "queued") return null;
      const attempts = (entry.get("attempts") ?? 0) + 1;
      tx.update(outboxRef, { status: "sending", attempts, claimedAt: FieldValue.serverTimestamp() });
      return { ...entry.data(), attempts };
    });
  }

  /** The transport accepted the message. */
  async sent(outboxRef, entry) {
    const message = this.ref(entry.accountId, entry.clientJid, entry.messageId);
    await this.db.runTransaction(async (tx) => {
      const known = await tx.get(message);
      tx.update(outboxRef, {
        status: "sent",
        sentAt: FieldValue.serverTimestamp(),
        expiresAt: Timestamp.fromMillis(Date.now() + KEEP_SENT_DAYS * 24 * 3600 * 1000),
      });
      const sentAt = FieldValue.serverTimestamp();
      // A receipt may have arrived first: then the status is kept and only the time is added.
      tx.update(message, advances(known.get("status"), "sent") ? { status: "sent", sentAt } : { sentAt });
    });
  }

  /** The transport rejected the message: retry later, or give up. */
  async notSent(outboxRef, entry, { reason, retryAt }) {
    const batch = this.db.batch();
    const message = this.ref(entry.accountId, entry.clientJid, entry.messageId);
    const lastError = reason.slice(0, 300);
    if (retryAt === null) {
      batch.update(outboxRef, { status: "failed", lastError });
      batch.update(message, { status: "failed", error: lastError });
    } else {
      const nextAttemptAt = Timestamp.fromMillis(retryAt);
      batch.update(outboxRef, { status: "queued", lastError, nextAttemptAt, claimedAt: FieldValue.delete() });
    }
    await batch.commit();
  }
}

module.exports = { Messages, advances, selectHistory };
