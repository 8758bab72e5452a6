"use strict";

const assert = require("node:assert/strict");
const fs = require("node:fs/promises");
const os = require("node:os");
const path = require("node:path");
const test = require("node:test");

const { Sessions, SessionsError } = require("../src/sessions");

const recorder = () => {
  const lines = [];
  return { lines, info: (text) => lines.push(text) };
};

test("the folder is proven writable, and never made", async (t) => {
  const root = await fs.mkdtemp(path.join(os.tmpdir(), "sessions-"));
  t.after(() => fs.rm(root, { recursive: true }));
  const log = recorder();
  await new Sessions(root).open(log);
  assert.deepEqual(log.lines, ["sessions dir exists/writable: true"]);
  assert.deepEqual(await fs.readdir(root), [], "the probe is taken away");

  const missing = new Sessions(path.join(root, "volume"));
  await assert.rejects(missing.open(log), SessionsError);
  assert.equal(log.lines.at(-1), "sessions dir exists/writable: false");
  assert.deepEqual(await fs.readdir(root), []);
});

test("one folder for each account, and no way out of the volume", async (t) => {
  const root = await fs.mkdtemp(path.join(os.tmpdir(), "sessions-"));
  t.after(() => fs.rm(root, { recursive: true }));
  const sessions = new Sessions(root);
  await sessions.make("support");
  await sessions.make("sales");
  await fs.mkdir(path.join(root, "lost+found"));
  assert.deepEqual(await sessions.list(), ["sales", "support"]);
  await sessions.remove("sales");
  assert.deepEqual(await sessions.list(), ["support"]);
  for (const bad of ["..", "a/b", "", "Sales", "a__b"]) assert.throws(() => sessions.folder(bad), TypeError);
});
