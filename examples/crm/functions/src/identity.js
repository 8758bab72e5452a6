"use strict";

/** E.164: a plus sign, 7 to 15 digits, no leading zero. */
const E164 = /^\+[1-9]\d{6,14}$/;

/**
 * Convert a typed phone number to E.164, the id of clients/{phoneE164}.
 *
 * @param {string} text "0722 123 456", "0040722123456", "+40 (722) 123-456"
 * @param {string} countryCode calling code for national numbers, without plus
 * @returns {string|null} null if it is not a phone number
 */
function toE164(text, countryCode = "40") {
  const compact = String(text).replace(/[\s().\-/]/g, "");
  let phone = compact;
  if (compact.startsWith("00")) phone = `+${compact.slice(2)}`;
  else if (compact.startsWith("0")) phone = `+${countryCode}${compact.slice(1)}`;
  else if (!compact.startsWith("+")) phone = `+${compact}`;
  return E164.test(phone) ? phone : null;
}

/** @returns {string|null} the phone number of a person's WhatsApp id; null for groups and broadcasts */
function phoneOfJid(jid) {
  const match = /^(\d+)(?::\d+)?@(?:s\.whatsapp\.net|c\.us)$/.exec(String(jid));
  return match ? toE164(`+${match[1]}`) : null;
}

/** The id of threads/{accountId}__{clientJid}: a client has a thread per account. */
function threadIdOf(accountId, clientJid) {
  if (!accountId || !clientJid || accountId.includes("__") || `${accountId}${clientJid}`.includes("/")) {
    throw new TypeError(`no thread of account "${accountId}" and client "${clientJid}"`);
  }
  return `${accountId}__${clientJid}`;
}

module.exports = { E164, phoneOfJid, threadIdOf, toE164 };
