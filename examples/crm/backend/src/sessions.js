"use strict";

const fs = require("node:fs/promises");
const path = require("node:path");

const { ACCOUNT_ID } = require("./identity");

class SessionsError extends Error {}

/**
 * The folder with one sub-folder per WhatsApp account: the volume.
 *
 * It is never created here: if it is missing, the volume is not mounted, and sessions written elsewhere would be
 * lost with the next deployment.
 */
class Sessions {
  constructor(root) {
    this.root = root;
  }

  /** Whether the folder exists and is writable. */
  async writable() {
    const probe = path.join(this.root, `.probe-${process.pid}`);
    try {
      await fs.writeFile(probe, "");
      await fs.rm(probe);
      return true;
    } catch (error) {
      if (error.code === undefined) throw error;
      return false;
    }
  }

  /** @throws {SessionsError} */
  async open(log) {
    const writable = await this.writable();
    log.info(`sessions dir exists/writable: ${writable}`);
    if (!writable) throw new SessionsError(`${this.root} is missing or not writable: is the volume mounted there?`);
  }

  folder(accountId) {
    // The id becomes a part of a path: it must be validated.
    if (!ACCOUNT_ID.test(accountId)) throw new TypeError(`"${accountId}" is not an account's id`);
    return path.join(this.root, accountId);
  }

  /** Ids of the accounts that have a session, sorted. */
  async list() {
    const entries = await fs.readdir(this.root, { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory() && ACCOUNT_ID.test(entry.name)).map((entry) => entry.name).sort();
  }

  async make(accountId) {
    await fs.mkdir(this.folder(accountId), { recursive: true, mode: 0o700 });
  }

  async remove(accountId) {
    await fs.rm(this.folder(accountId), { recursive: true, force: true });
  }
}

/** Write a file atomically: a crash leaves the old or the new content. */
async function writeWhole(file, text) {
  const draft = `${file}.${process.pid}.tmp`;
  await fs.writeFile(draft, text, { mode: 0o600 });
  await fs.rename(draft, file);
}

module.exports = { Sessions, SessionsError, writeWhole };
