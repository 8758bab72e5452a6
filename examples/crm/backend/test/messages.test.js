"use strict";

const assert = require("node:assert/strict");
const test = require("node:test");

const { advances, selectHistory } = require("../src/messages");
const { MAX_ATTEMPTS, retryDelay } = require("../src/outbox");

test("a status only moves forward", () => {
  assert.ok(advances("queued", "sent"));
  assert.ok(advances("queued", "delivered"), "a receipt may overtake");
  assert.ok(advances("failed", "delivered"), "a failed message may have arrived after all");
  assert.ok(!advances("read", "delivered"));
  assert.ok(!advances("delivered", "sent"));
  assert.ok(!advances("read", "read"));
  assert.ok(advances("queued", "failed"));
  assert.ok(!advances("sent", "failed"));
});

test("history keeps the newest threads and their newest messages, oldest first", () => {
  const jid = (n) => `4072200000${n}@s.whatsapp.net`;
  const message = (n, sentAt) => ({ jid: jid(n), messageId: `${n}-${sentAt}`, text: "", sentAt });
  const all = [message(1, 10), message(2, 30), message(1, 40), message(3, 5), message(2, 20), message(1, 15)];
  all.push({ jid: "1203@g.us", messageId: "group", text: "", sentAt: 99 });
  const ids = (limits) => selectHistory(all, limits).map(({ messageId }) => messageId);
  assert.deepEqual(ids({ threads: 2, messagesPerThread: 2 }), ["1-15", "2-20", "2-30", "1-40"]);
  assert.deepEqual(ids({ threads: 1, messagesPerThread: 9 }), ["1-10", "1-15", "1-40"]);
  assert.deepEqual(ids({ threads: 0, messagesPerThread: 9 }), []);
  assert.deepEqual(ids({ threads: 9, messagesPerThread: 0 }), []);
});

test("attempts wait longer each time, and end", () => {
  assert.deepEqual([1, 2, 3, 4].map(retryDelay), [5_000, 10_000, 20_000, 40_000]);
  assert.equal(retryDelay(MAX_ATTEMPTS), null);
});
