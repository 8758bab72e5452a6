"use strict";

const { createHash } = require("node:crypto");

// The same thread and phone rules as in functions/src/identity.js, which is deployed separately.

const ACCOUNT_ID = /^[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?$/;
const E164 = /^\+[1-9]\d{6,14}$/;

/** @returns {string|null} the phone number of a person's WhatsApp id; null for groups and broadcasts */
function phoneOfJid(jid) {
  const match = /^(\d+)(?::\d+)?@(?:s\.whatsapp\.net|c\.us)$/.exec(String(jid));
  const phone = match && `+${match[1]}`;
  return phone && E164.test(phone) ? phone : null;
}

/** The WhatsApp id of a phone number, without the device part. */
function jidOfPhone(phone) {
  if (!E164.test(phone)) throw new TypeError(`"${phone}" is not a phone number in E.164`);
  return `${phone.slice(1)}@s.whatsapp.net`;
}

/** The id of threads/{accountId}__{clientJid}. */
function threadIdOf(accountId, clientJid) {
  if (!ACCOUNT_ID.test(accountId)) throw new TypeError(`"${accountId}" is not an account's id`);
  if (!phoneOfJid(clientJid)) throw new TypeError(`"${clientJid}" is not a person's WhatsApp id`);
  return `${accountId}__${clientJid}`;
}

/**
 * The WhatsApp id of a message to send, derived from the app's request: a repeated request is the same message, in
 * the database and in WhatsApp.
 */
function messageIdOf(accountId, clientRequestId) {
  const digest = createHash("sha256").update(`${accountId}/${clientRequestId}`).digest("hex");
  return `3EB0${digest.slice(0, 18).toUpperCase()}`;
}

module.exports = { ACCOUNT_ID, E164, jidOfPhone, messageIdOf, phoneOfJid, threadIdOf };
