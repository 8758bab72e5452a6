"use strict";

const assert = require("node:assert/strict");
const { EventEmitter } = require("node:events");
const fs = require("node:fs/promises");
const os = require("node:os");
const path = require("node:path");
const test = require("node:test");

const { TransportError, createBaileys, fromBaileys } = require("../src/transports/baileys");
const { createLoopback } = require("../src/transports/loopback");

const JID = "40722123456@s.whatsapp.net";
const silent = { warn() {} };

function listener() {
  const heard = [];
  const hear = (kind) => (what) => heard.push([kind, what]);
  return { heard, on: Object.fromEntries(["status", "message", "history", "receipt"].map((kind) => [kind, hear(kind)])) };
}

async function folderOf(t) {
  const folder = await fs.mkdtemp(path.join(os.tmpdir(), "session-"));
  t.after(() => fs.rm(folder, { recursive: true }));
  return folder;
}

test("loopback: pairs, brings its history once, reconnects from its session", async (t) => {
  const folder = await folderOf(t);
  await fs.writeFile(path.join(folder, "history.json"), '[{"jid": "x"}]');
  const first = listener();
  const connection = await createLoopback().connect({ accountId: "sales", folder, on: first.on });
  assert.deepEqual(first.heard.map(([kind, what]) => what.status ?? kind), ["pairing", "history", "connected"]);
  await connection.close();
  const second = listener();
  await createLoopback().connect({ accountId: "sales", folder, on: second.on });
  assert.deepEqual(second.heard.map(([, what]) => what.status), ["connected"]);
  assert.equal(second.heard[0][1].phone, first.heard.at(-1)[1].phone);
});

test("loopback: delivers the same message once, and clients write and read", async (t) => {
  const { heard, on } = listener();
  const loopback = createLoopback();
  const connection = await loopback.connect({ accountId: "sales", folder: await folderOf(t), on });
  heard.length = 0;
  await connection.send({ jid: JID, messageId: "M1", text: "Hello" });
  await connection.send({ jid: JID, messageId: "M1", text: "Hello" });
  assert.deepEqual(loopback.simulate.sent("sales"), [{ jid: JID, messageId: "M1", text: "Hello" }]);
  await loopback.simulate.read("sales", { messageId: "M1" });
  assert.deepEqual(heard.at(-1), ["receipt", { jid: JID, messageId: "M1", status: "read" }]);
  await loopback.simulate.receive("sales", { from: "+40722123456", text: "Hi", name: "Ana", sentAt: 5, messageId: "C1" });
  assert.deepEqual(heard.at(-1), [
    "message", { jid: JID, messageId: "C1", text: "Hi", sentAt: 5, fromMe: false, name: "Ana" },
  ]);
  loopback.simulate.refuse("sales", { times: 1 });
  await assert.rejects(connection.send({ jid: JID, messageId: "M2", text: "Hello" }));
  await assert.rejects(loopback.simulate.read("sales", { messageId: "M2" }), RangeError);
  await connection.logout();
  await assert.rejects(loopback.simulate.receive("sales", { from: "+40722123456", text: "Hi" }), RangeError);
});

test("baileys: the error for a missing package names the command", async () => {
  const missing = async () => {
    throw Object.assign(new Error("Cannot find package"), { code: "ERR_MODULE_NOT_FOUND" });
  };
  await assert.rejects(createBaileys(silent, missing), (error) => {
    assert.ok(error instanceof TransportError);
    assert.match(error.message, /npm install @whiskeysockets\/baileys/);
    return true;
  });
});

test("baileys: its events become ours", async (t) => {
  const made = [];
  const sent = [];
  const baileys = {
    DisconnectReason: { loggedOut: 401 },
    useMultiFileAuthState: async (folder) => ({ state: { folder }, saveCreds() {} }),
    makeWASocket(options) {
      const socket = {
        options, ev: new EventEmitter(), user: { id: "40700000001:7@s.whatsapp.net" }, end() {}, logout: async () => {},
        sendMessage: async (...args) => sent.push(args),
      };
      made.push(socket);
      return socket;
    },
  };
  const { heard, on } = listener();
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const transport = await createBaileys(silent, async () => baileys);
  const connection = await transport.connect({ accountId: "sales", folder: "/f", fullHistory: true, on });
  const { ev, options } = made[0];
  assert.deepEqual([options.auth, options.syncFullHistory], [{ folder: "/f" }, true]);

  ev.emit("connection.update", { qr: "QR" });
  ev.emit("connection.update", { connection: "open" });
  const key = { id: "C1", remoteJid: JID, fromMe: false };
  const raw = { key, message: { conversation: "Hi" }, messageTimestamp: 5, pushName: "Ana" };
  ev.emit("messages.upsert", { type: "notify", messages: [raw, { key, message: { reactionMessage: {} } }] });
  ev.emit("messages.update", [
    { key: { ...key, id: "M1", fromMe: true }, update: { status: 3 } },
    { key: { ...key, id: "M1", fromMe: true }, update: { status: 4 } },
    { key: { ...key, id: "M1", fromMe: true }, update: { status: 2 } },
    { key, update: { status: 4 } },
  ]);
  ev.emit("messaging-history.set", { messages: [raw, { key, message: null }] });
  const message = { jid: JID, messageId: "C1", text: "Hi", sentAt: 5000, fromMe: false, name: "Ana" };
  assert.deepEqual(heard.splice(0), [
    ["status", { status: "pairing", pairingCode: "QR" }],
    ["status", { status: "connected", phone: "+40700000001" }],
    ["message", message],
    ["receipt", { jid: JID, messageId: "M1", status: "delivered" }],
    ["receipt", { jid: JID, messageId: "M1", status: "read" }],
    ["history", [message]],
  ]);

  await connection.send({ jid: JID, messageId: "M2", text: "Hello" });
  assert.deepEqual(sent, [[JID, { text: "Hello" }, { messageId: "M2" }]]);

  const closed = (statusCode) => ({ connection: "close", lastDisconnect: { error: { output: { statusCode } } } });
  ev.emit("connection.update", closed(515));
  t.mock.timers.tick(3_000);
  assert.equal(made.length, 2, "it connects again by itself");
  made[1].ev.emit("connection.update", closed(401));
  t.mock.timers.tick(60_000);
  assert.equal(made.length, 2, "not after a logout on the phone");
  assert.deepEqual(heard.map(([, what]) => what.status), ["disconnected", "logged-out"]);
});

test("baileys: text is found where it may be, and a lid is no phone number", () => {
  const key = { id: "C1", remoteJid: "123@lid", senderPn: JID };
  const at = (message) => fromBaileys({ key, message, messageTimestamp: 1 });
  assert.equal(at({ ephemeralMessage: { message: { extendedTextMessage: { text: "Hi" } } } }).text, "Hi");
  assert.equal(at({ imageMessage: { caption: "Look" } }).jid, JID);
  assert.equal(at({ imageMessage: {} }), null);
});
