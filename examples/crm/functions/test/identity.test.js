"use strict";

const assert = require("node:assert/strict");
const test = require("node:test");

const { phoneOfJid, threadIdOf, toE164 } = require("../src/identity");

test("phone numbers as people type them", () => {
  for (const [typed, expected] of [
    ["0722 123 456", "+40722123456"],
    ["0040722123456", "+40722123456"],
    ["+40 (722) 123-456", "+40722123456"],
    ["40722123456", "+40722123456"],
    ["+447911123456", "+447911123456"],
    ["", null],
    ["abc", null],
    ["+12", null],
    ["+1234567890123456", null],
  ]) {
    assert.equal(toE164(typed), expected, typed);
  }
  assert.equal(toE164("07911 123456", "44"), "+447911123456");
});

test("only a person's WhatsApp id has a phone number", () => {
  assert.equal(phoneOfJid("40722123456@s.whatsapp.net"), "+40722123456");
  assert.equal(phoneOfJid("40722123456:17@s.whatsapp.net"), "+40722123456");
  assert.equal(phoneOfJid("120363041234567890@g.us"), null);
  assert.equal(phoneOfJid("status@broadcast"), null);
});

test("one client and two accounts make two threads", () => {
  const jid = "40722123456@s.whatsapp.net";
  assert.equal(threadIdOf("sales", jid), "sales__40722123456@s.whatsapp.net");
  assert.notEqual(threadIdOf("sales", jid), threadIdOf("support", jid));
  for (const bad of [["", jid], ["sales", ""], ["a__b", jid], ["a/b", jid]]) {
    assert.throws(() => threadIdOf(...bad), TypeError);
  }
});
