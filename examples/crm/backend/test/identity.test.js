"use strict";

const assert = require("node:assert/strict");
const test = require("node:test");

const { jidOfPhone, messageIdOf, phoneOfJid, threadIdOf } = require("../src/identity");

test("phones and WhatsApp ids", () => {
  assert.equal(jidOfPhone("+40722123456"), "40722123456@s.whatsapp.net");
  assert.equal(phoneOfJid("40722123456:3@s.whatsapp.net"), "+40722123456");
  assert.equal(phoneOfJid("120363041234567890@g.us"), null);
  assert.equal(phoneOfJid(undefined), null);
  assert.throws(() => jidOfPhone("0722123456"), TypeError);
});

test("thread ids", () => {
  assert.equal(threadIdOf("sales", "40722123456@s.whatsapp.net"), "sales__40722123456@s.whatsapp.net");
  assert.throws(() => threadIdOf("sales__x", "40722123456@s.whatsapp.net"), TypeError);
  assert.throws(() => threadIdOf("sales", "1203@g.us"), TypeError);
});

test("the same request is the same message; another account's is not", () => {
  assert.match(messageIdOf("sales", "request-1"), /^3EB0[0-9A-F]{18}$/);
  assert.equal(messageIdOf("sales", "request-1"), messageIdOf("sales", "request-1"));
  assert.notEqual(messageIdOf("sales", "request-1"), messageIdOf("support", "request-1"));
  assert.notEqual(messageIdOf("sales", "request-1"), messageIdOf("sales", "request-2"));
});

test("functions and backend agree on threads and phones", () => {
  const functions = require("../../functions/src/identity");
  const jid = "40722123456:3@s.whatsapp.net";
  assert.equal(functions.threadIdOf("sales", jid), threadIdOf("sales", jid));
  assert.equal(functions.phoneOfJid(jid), phoneOfJid(jid));
});
