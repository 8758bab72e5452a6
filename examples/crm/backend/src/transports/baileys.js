"use strict";

const RECONNECT_MS = 3_000;
const RECEIPTS = { 3: "delivered", 4: "read", 5: "read" }; // proto.WebMessageInfo.Status

const quiet = () => {};
// Baileys logs keys and message contents at its lower levels: its log is discarded.
const SILENT = { level: "silent", trace: quiet, debug: quiet, info: quiet, warn: quiet, error: quiet, child: () => SILENT };

class TransportError extends Error {}

/** Convert a message of Baileys; null without text (reactions, media without caption, protocol messages). */
function fromBaileys({ key, message, messageTimestamp, pushName }) {
  const content = message?.ephemeralMessage?.message ?? message;
  const text =
    content?.conversation ??
    content?.extendedTextMessage?.text ??
    content?.imageMessage?.caption ??
    content?.videoMessage?.caption;
  if (!text || !key?.id) return null;
  // A client's id may be a "lid", which is not a phone number; the number is then in another field.
  const jid = key.remoteJid?.endsWith("@lid") ? key.senderPn : key.remoteJid;
  return {
    jid: jid ?? "",
    messageId: key.id,
    text,
    sentAt: Number(messageTimestamp) * 1000,
    fromMe: key.fromMe === true,
    name: pushName ?? undefined,
  };
}

/** WhatsApp through the package @whiskeysockets/baileys, which is installed separately (see the README). */
async function createBaileys(log, load = () => import("@whiskeysockets/baileys")) {
  const baileys = await loadBaileys(load);

  async function connect({ accountId, folder, fullHistory, on }) {
    const { state, saveCreds } = await baileys.useMultiFileAuthState(folder);
    let socket = null;
    let closed = false;
    let timer = null;

    function open() {
      socket = baileys.makeWASocket({
        auth: state, logger: SILENT, syncFullHistory: fullHistory, markOnlineOnConnect: false,
      });
      socket.ev.on("creds.update", saveCreds);
      socket.ev.on("connection.update", update);
      socket.ev.on("messages.upsert", ({ messages, type }) => {
        if (type !== "notify") return;
        for (const message of messages.map(fromBaileys)) if (message) on.message(message);
      });
      socket.ev.on("messaging-history.set", ({ messages }) => on.history(messages.map(fromBaileys).filter(Boolean)));
      socket.ev.on("messages.update", (updates) => {
        for (const { key, update: change } of updates) {
          const status = RECEIPTS[change.status];
          if (status && key.fromMe) on.receipt({ jid: key.remoteJid, messageId: key.id, status });
        }
      });
    }

    function update({ connection, lastDisconnect, qr }) {
      if (closed) return;
      if (qr) on.status({ status: "pairing", pairingCode: qr });
      if (connection === "open") on.status({ status: "connected", phone: `+${socket.user.id.split(/[:@]/)[0]}` });
      if (connection !== "close") return;
      const code = lastDisconnect?.error?.output?.statusCode;
      if (code === baileys.DisconnectReason.loggedOut) {
        on.status({ status: "logged-out" });
        return;
      }
      on.status({ status: "disconnected" });
      log.warn(`account ${accountId}: connection closed (${code ?? "no code"}), connecting again`);
      timer = setTimeout(open, RECONNECT_MS);
    }

    open();
    return {
      send: ({ jid, messageId, text }) => socket.sendMessage(jid, { text }, { messageId }),
      async close() {
        closed = true;
        clearTimeout(timer);
        socket.end(undefined);
      },
      async logout() {
        closed = true;
        clearTimeout(timer);
        await socket.logout();
      },
    };
  }
  return { connect };
}

async function loadBaileys(load) {
  try {
    return await load();
  } catch (error) {
    if (error.code !== "ERR_MODULE_NOT_FOUND") throw error;
    throw new TransportError(
      "the transport baileys is not installed: run `npm install @whiskeysockets/baileys`, " +
        "or set WHATSAPP_TRANSPORT=loopback to run without WhatsApp",
    );
  }
}

module.exports = { TransportError, createBaileys, fromBaileys };
