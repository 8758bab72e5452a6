"use strict";

/**
 * A transport brings messages to WhatsApp and back:
 *
 *   connect({accountId, folder, fullHistory, on}) -> Promise<connection>
 *     folder       the account's session folder: everything the transport must remember
 *     on.status({status, phone?, pairingCode?})        "pairing" | "connected" | "disconnected" | "logged-out"
 *     on.message({jid, messageId, text, sentAt, fromMe, name?})    sentAt in milliseconds
 *     on.history([message, ...])
 *     on.receipt({jid, messageId, status})             "delivered" | "read"
 *   connection.send({jid, messageId, text})   resolves when WhatsApp's server has it
 *   connection.close()                        keeps the session
 *   connection.logout()                       ends the session
 *
 * @throws {TransportError} when it is not installed
 */
async function createTransport(name, log) {
  switch (name) {
    case "baileys":
      return require("./baileys").createBaileys(log);
    case "loopback":
      return require("./loopback").createLoopback();
    default:
      throw new Error(`there is no transport "${name}"`);
  }
}

module.exports = { createTransport };
