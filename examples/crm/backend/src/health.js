"use strict";

const FRESH_MS = 5_000;
const READ_TIMEOUT_MS = 5_000;

/**
 * The response of /health. It is public, so expensive checks run at most once every five seconds.
 */
class Health {
  #parts;
  #last = null;
  #lastStatus = null;
  #lookedAt = 0;

  constructor(parts) {
    this.#parts = parts;
  }

  /** @returns {Promise<{status: number, body: object}>} 200, or 503 with the failed checks */
  async check() {
    if (!this.#last || Date.now() - this.#lookedAt > FRESH_MS) {
      this.#lookedAt = Date.now();
      this.#last = this.#look();
    }
    const answer = await this.#last;
    // Monitors poll all day: log only results that differ from the previous one.
    if (answer.status !== this.#lastStatus) {
      this.#lastStatus = answer.status;
      this.#parts.log.info(`/health ${answer.status}`);
    }
    return answer;
  }

  async #look() {
    const { accounts, config, firebase, log, outbox, sessions } = this.#parts;
    const writable = await sessions.writable();
    let firestore = true;
    try {
      await firebase.ping(READ_TIMEOUT_MS);
    } catch (error) {
      firestore = false;
      log.error("/health: Firestore does not answer", error);
    }
    const all = accounts.list();
    const healthy = writable && firestore && outbox.problem === null;
    return {
      status: healthy ? 200 : 503,
      body: {
        status: healthy ? "ok" : "unhealthy",
        sessions: { path: config.sessionsPath, writable },
        firebase: { projectId: firebase.projectId, reachable: firestore },
        outbox: { listening: outbox.problem === null },
        // A logged-out account must be paired again by a person: restarting the backend does not help.
        accounts: { total: all.length, connected: all.filter(({ status }) => status === "connected").length },
        transport: config.transport,
        release: config.release,
        uptimeSeconds: Math.round(process.uptime()),
      },
    };
  }
}

module.exports = { Health };
