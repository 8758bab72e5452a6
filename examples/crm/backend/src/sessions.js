"use strict";

const fs = require("node:fs/promises");
const path = require("node:path");

const { ACCOUNT_ID } = require("./identity");

class SessionsError extends Error {}

/**
 * The folder that holds one sub-folder per WhatsApp account: the volume.
 *
 * It is never made here: when it is missing, the volume is not mounted, and sessions written beside it would be
 * gone with the next deployment, each account with them.
 */
class Sessions {
  constructor(root) {
    this.root = root;
  }

  /** Does the folder exist, and can it be written? */
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
    // It becomes a path: nothing but a checked id may.
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

/** Write a file so that a crash leaves the old one or the new one, never half of it. */
async function writeWhole(file, text) {
  const draft = `${file}.${process.pid}.tmp`;
  await fs.writeFile(draft, text, { mode: 0o600 });
  await fs.rename(draft, file);
}

module.exports = { Sessions, SessionsError, writeWhole };
