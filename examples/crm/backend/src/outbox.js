"use strict";

const { FieldValue } = require("firebase-admin/firestore");

const MAX_ATTEMPTS = 5;
const FIRST_RETRY_MS = 5_000;
const LAST_RETRY_MS = 300_000;
const LISTEN_AGAIN_MS = 5_000;
const BATCH = 100;

/** Milliseconds until the next attempt, or null if there is none left. */
function retryDelay(attempts) {
  if (attempts >= MAX_ATTEMPTS) return null;
  return Math.min(FIRST_RETRY_MS * 2 ** (attempts - 1), LAST_RETRY_MS);
}

/**
 * Moves queued messages from Firestore's outbox to the transport: oldest first, one at a time for each account. A
 * message that waits for its next attempt does not delay the others.
 */
class OutboxWorker {
  #accounts;
  #db;
  #messages;
  #log;
  #busy = new Map();
  #waiting = new Map();
  #retryTimer = null;
  #listenTimer = null;
  #unsubscribe = () => {};
  #stopping = false;
  /** null while listening, otherwise the error */
  problem = "not started";

  constructor({ accounts, db, messages, log }) {
    this.#accounts = accounts;
    this.#db = db;
    this.#messages = messages;
    this.#log = log;
  }

  async start() {
    await this.#recover();
    this.#listen();
  }

  /**
   * Messages that are "sending" now were claimed by a process that has ended: only one instance runs at a time,
   * because the volume cannot be mounted twice.
   */
  async #recover() {
    const left = await this.#db.collection("outbox").where("status", "==", "sending").get();
    for (const doc of left.docs) await doc.ref.update({ status: "queued", claimedAt: FieldValue.delete() });
    if (left.size) this.#log.warn(`${left.size} messages were being sent when the backend stopped; sending them again`);
  }

  #listen() {
    const queued = this.#db.collection("outbox").where("status", "==", "queued").orderBy("createdAt").limit(BATCH);
    this.#unsubscribe = queued.onSnapshot(
      (snapshot) => {
        this.problem = null;
        this.#waiting = new Map(snapshot.docs.map((doc) => [doc.id, doc]));
        this.wake();
      },
      (error) => this.#listenAgain("the outbox cannot be read", error),
    );
  }

  /** Firestore failed: /health reports it until a new listener works, which receives everything that is queued. */
  #listenAgain(what, error) {
    this.problem = error.message;
    this.#log.error(what, error);
    this.#unsubscribe();
    clearTimeout(this.#listenTimer);
    if (!this.#stopping) this.#listenTimer = setTimeout(() => this.#listen(), LISTEN_AGAIN_MS);
  }

  /** Send what can be sent: a message was queued, or an account has connected. */
  wake() {
    if (this.#stopping) return;
    const now = Date.now();
    let next = Infinity;
    const due = new Map();
    for (const doc of this.#waiting.values()) {
      const accountId = doc.get("accountId");
      if (!this.#accounts.connection(accountId)) continue; // called again when it connects
      const at = doc.get("nextAttemptAt")?.toMillis() ?? 0;
      if (at > now) next = Math.min(next, at);
      else due.set(accountId, [...(due.get(accountId) ?? []), doc]);
    }
    for (const [accountId, docs] of due) {
      if (this.#busy.has(accountId)) continue; // called again when it is done
      const work = this.#sendAll(docs).finally(() => {
        this.#busy.delete(accountId);
        this.wake();
      });
      this.#busy.set(accountId, work);
    }
    clearTimeout(this.#retryTimer);
    if (next < Infinity) this.#retryTimer = setTimeout(() => this.wake(), next - now);
  }

  async #sendAll(docs) {
    for (const doc of docs) {
      if (this.#stopping) return;
      this.#waiting.delete(doc.id);
      try {
        await this.#sendOne(doc.ref);
      } catch (error) {
        // If it was not claimed, it is still queued. If it was sent and the write failed, it stays "sending" until
        // processOutboxNow or a restart.
        this.#listenAgain(`the outbox's entry ${doc.id} cannot be written`, error);
        return;
      }
    }
  }

  async #sendOne(outboxRef) {
    const entry = await this.#messages.claim(outboxRef);
    if (!entry) return;
    try {
      const connection = this.#accounts.connection(entry.accountId);
      if (!connection) throw new Error(`account ${entry.accountId} is not connected`);
      await connection.send({ jid: entry.clientJid, messageId: entry.messageId, text: entry.text });
    } catch (error) {
      const delay = retryDelay(entry.attempts);
      this.#log.warn(`message ${entry.messageId} was not sent (attempt ${entry.attempts}): ${error.message}`);
      await this.#messages.notSent(outboxRef, entry, {
        reason: error.message,
        retryAt: delay === null ? null : Date.now() + delay,
      });
      return;
    }
    await this.#messages.sent(outboxRef, entry);
  }

  /** Claim no more messages, and wait for those in progress. */
  async stop() {
    this.#stopping = true;
    clearTimeout(this.#retryTimer);
    clearTimeout(this.#listenTimer);
    this.#unsubscribe();
    await Promise.all(this.#busy.values());
  }
}

module.exports = { MAX_ATTEMPTS, OutboxWorker, retryDelay };
