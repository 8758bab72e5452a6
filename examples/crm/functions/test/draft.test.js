"use strict";

const assert = require("node:assert/strict");
const test = require("node:test");

const { draftFrom, transcript } = require("../src/draft");

const PHONE = "+40722123456";

test("a model's answer becomes a draft of known fields", () => {
  const answer = JSON.stringify({
    found: true, date: "2026-09-12", type: "wedding", title: " Ana and Dan ", amount: 1200.5, currency: "EUR",
    status: "confirmed", createdBy: "somebody", isArchived: true,
  });
  assert.deepEqual(draftFrom(answer, PHONE), {
    clientPhone: PHONE, date: "2026-09-12", type: "wedding", title: "Ana and Dan", address: null, amount: 1200.5,
    currency: "EUR", status: "confirmed", schemaVersion: 1, isArchived: false,
  });
});

test("values of the wrong kind are dropped", () => {
  const draft = draftFrom('{"date": "2026-09-12", "type": 7, "amount": "1200", "currency": "GBP", "status": "sure"}', PHONE);
  assert.deepEqual([draft.type, draft.amount, draft.currency, draft.status], ["other", null, "RON", "planned"]);
});

test("no event, or none with a real date, is no draft", () => {
  for (const answer of ['{"found": false, "date": "2026-09-12"}', "{}", '{"date": "2026-02-30"}', '{"date": "soon"}', "null"]) {
    assert.equal(draftFrom(answer, PHONE), null, answer);
  }
  assert.throws(() => draftFrom("Sure! Here it is:", PHONE), SyntaxError);
});

test("a transcript reads from the oldest to the newest", () => {
  const messages = [
    { tsClient: Date.UTC(2026, 4, 1, 9, 30), direction: "in", text: "Hello" },
    { tsClient: Date.UTC(2026, 4, 1, 9, 31), direction: "out", text: "Good morning" },
  ];
  assert.equal(transcript(messages), "[2026-05-01 09:30] client: Hello\n[2026-05-01 09:31] company: Good morning");
});
