"use strict";

/**
 * A transport sends messages to WhatsApp and receives them:
 *
 *   connect({accountId, folder, fullHistory, on}) -> Promise<connection>
 *     folder       the account's session folder, for all state of the transport
 *     on.status({status, phone?, pairingCode?})        "pairing" | "connected" | "disconnected" | "logged-out"
 *     on.message({jid, messageId, text, sentAt, fromMe, name?})    sentAt in milliseconds
 *     on.history([message, ...])
 *     on.receipt({jid, messageId, status})             "delivered" | "read"
 *   connection.send({jid, messageId, text})   resolves when WhatsApp's server has received it
 *   connection.close()                        keeps the session
 *   connection.logout()                       ends the session
 *
 * @throws {TransportError} if it is not installed
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
