"use strict";

const { FieldValue } = require("firebase-admin/firestore");

const { selectHistory } = require("./messages");

/** The WhatsApp accounts: their connections and their incoming messages. */
class Accounts {
  #db;
  #history;
  #log;
  #messages;
  #sessions;
  #transport;
  #live = new Map();
  #pending = new Set();
  /** Called when an account has connected. */
  onConnected = () => {};

  constructor({ db, history, log, messages, sessions, transport }) {
    this.#db = db;
    this.#history = history;
    this.#log = log;
    this.#messages = messages;
    this.#sessions = sessions;
    this.#transport = transport;
  }

  #doc(accountId) {
    return this.#db.doc(`accounts/${accountId}`);
  }

  /** Connect every account that has a session on the volume. */
  async resume() {
    for (const accountId of await this.#sessions.list()) {
      try {
        await this.#connect(accountId);
      } catch (error) {
        // A damaged session must not affect the other accounts: it is listed, and can be paired again.
        this.#log.error(`account ${accountId} cannot be connected`, error);
        await this.#changed(accountId, this.#live.get(accountId), { status: "failed" });
      }
    }
  }

  /** Add an account, or pair it again. @returns {Promise<object>} as `status` */
  async pair(accountId, name) {
    await this.#live.get(accountId)?.connection?.close();
    this.#live.delete(accountId);
    await this.#sessions.make(accountId);
    const known = await this.#doc(accountId).get();
    const created = known.exists ? {} : { createdAt: FieldValue.serverTimestamp() };
    await this.#doc(accountId).set({ accountId, name, status: "pairing", ...created }, { merge: true });
    await this.#connect(accountId);
    return this.status(accountId);
  }

  async #connect(accountId) {
    const live = { status: "connecting", phone: null, pairingCode: null, connection: null };
    this.#live.set(accountId, live);
    live.connection = await this.#transport.connect({
      accountId,
      folder: this.#sessions.folder(accountId),
      fullHistory: this.#history.full,
      on: {
        status: (change) => this.#track(this.#changed(accountId, live, change)),
        message: (message) => this.#track(this.#messages.keep(accountId, message, { unread: true })),
        history: (messages) => this.#track(this.#backfill(accountId, messages)),
        receipt: (receipt) => this.#track(this.#messages.receipt(accountId, receipt)),
      },
    });
    // It may have connected before `connection` was set.
    if (live.status === "connected") this.onConnected(accountId);
  }

  /** Transports do not wait for handlers: keep their promises, for errors and for the shutdown. */
  #track(work) {
    const kept = work
      .catch((error) => this.#log.error("what the transport brought was not kept", error))
      .finally(() => this.#pending.delete(kept));
    this.#pending.add(kept);
    return kept;
  }

  async #changed(accountId, live, { status, phone, pairingCode = null }) {
    if (this.#live.get(accountId) !== live) return; // from a connection that was replaced or removed
    Object.assign(live, { status, pairingCode }, phone ? { phone } : {});
    this.#log.info(`account ${accountId}: ${status}`);
    await this.#doc(accountId).set(
      { accountId, status, ...(phone ? { phone } : {}), statusAt: FieldValue.serverTimestamp() },
      { merge: true },
    );
    if (status === "connected" && live.connection) this.onConnected(accountId);
  }

  async #backfill(accountId, messages) {
    const selected = selectHistory(messages, this.#history);
    let kept = 0;
    for (const message of selected) {
      if (await this.#messages.keep(accountId, message, { unread: false })) kept += 1;
    }
    this.#log.info(`account ${accountId}: history kept ${kept} of ${messages.length} messages`);
  }

  /** The connection to send with, or null while the account is not connected. */
  connection(accountId) {
    const live = this.#live.get(accountId);
    return live?.status === "connected" ? live.connection : null;
  }

  has(accountId) {
    return this.#live.has(accountId);
  }

  /** Without secrets: only the admin route returns the pairing code. */
  status(accountId) {
    const live = this.#live.get(accountId);
    return live && { accountId, status: live.status, phone: live.phone };
  }

  pairingCode(accountId) {
    return this.#live.get(accountId)?.pairingCode ?? null;
  }

  list() {
    return [...this.#live.keys()].sort().map((accountId) => this.status(accountId));
  }

  /** Log the account out and delete its session. Its threads and its document are kept. */
  async remove(accountId) {
    const live = this.#live.get(accountId);
    this.#live.delete(accountId);
    await live?.connection?.logout();
    await this.#sessions.remove(accountId);
    await this.#doc(accountId).set(
      { accountId, status: "removed", statusAt: FieldValue.serverTimestamp() },
      { merge: true },
    );
    this.#log.info(`account ${accountId}: removed`);
  }

  /** Close all connections, keep all sessions, and wait for incoming messages in progress. */
  async close() {
    const closing = [...this.#live.values()].map((live) => live.connection?.close());
    this.#live.clear();
    await Promise.all(closing);
    await Promise.all(this.#pending);
  }
}

module.exports = { Accounts };
