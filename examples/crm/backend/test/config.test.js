"use strict";

const assert = require("node:assert/strict");
const test = require("node:test");

const { ConfigError, readConfig } = require("../src/config");

const GOOD = {
  SESSIONS_PATH: "/app/sessions",
  FIREBASE_SERVICE_ACCOUNT_JSON: JSON.stringify({ project_id: "p", client_email: "e", private_key: "k" }),
  ADMIN_TOKEN: "0123456789abcdef",
};

test("defaults and given values", () => {
  const config = readConfig(GOOD);
  assert.deepEqual([config.port, config.transport], [8080, "baileys"]);
  assert.deepEqual(config.history, { full: false, messagesPerThread: 50, threads: 100 });
  const given = readConfig({
    ...GOOD,
    PORT: "3000",
    WHATSAPP_SYNC_FULL_HISTORY: "TRUE",
    WHATSAPP_BACKFILL_COUNT: "0",
    WHATSAPP_BACKFILL_THREADS: "7",
    WHATSAPP_TRANSPORT: "loopback",
  });
  assert.deepEqual(given.history, { full: true, messagesPerThread: 0, threads: 7 });
});

test("all problems are reported at once, without values", () => {
  const env = {
    SESSIONS_PATH: "sessions",
    FIREBASE_SERVICE_ACCOUNT_JSON: '{"private_key": "topsecret"}',
    ADMIN_TOKEN: "short",
    WHATSAPP_SYNC_FULL_HISTORY: "perhaps",
    WHATSAPP_BACKFILL_COUNT: "-1",
    WHATSAPP_BACKFILL_THREADS: "many",
    WHATSAPP_TRANSPORT: "pigeon",
  };
  assert.throws(() => readConfig(env), (error) => {
    assert.ok(error instanceof ConfigError);
    for (const name of [...Object.keys(env), "project_id, client_email"]) assert.ok(error.message.includes(name), name);
    for (const value of ["topsecret", "short "]) assert.ok(!error.message.includes(value), value);
    return true;
  });
  for (const name of Object.keys(GOOD)) {
    assert.throws(() => readConfig({ ...GOOD, [name]: "" }), { message: `${name} is not set` });
  }
  assert.throws(() => readConfig({ ...GOOD, FIREBASE_SERVICE_ACCOUNT_JSON: "{" }), { message: /is not JSON/ });
});
