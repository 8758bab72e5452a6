"use strict";

const assert = require("node:assert/strict");
const http = require("node:http");
const test = require("node:test");

const { complete } = require("../src/ai");
const { isAdmin } = require("../src/auth");
const { callBackend } = require("../src/backend");
const { outgoingMessage } = require("../src/proxy");

/** A server that returns the entries of `answers` one by one and records the requests. */
async function served(t, answers) {
  const asked = [];
  const server = http.createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += chunk;
    asked.push({ method: request.method, url: request.url, headers: request.headers, body: body && JSON.parse(body) });
    const [status, text] = answers.shift();
    response.writeHead(status).end(text);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => server.close());
  return { asked, url: `http://127.0.0.1:${server.address().port}` };
}

test("an outgoing message is checked and its number normalised", () => {
  const good = { accountId: "sales", to: "0722 123 456", text: "Hi", clientRequestId: "abcdefgh-1" };
  assert.deepEqual(outgoingMessage({ ...good, extra: 1 }), { ...good, to: "+40722123456" });
  for (const bad of [
    undefined,
    { ...good, accountId: "" },
    { ...good, to: "nobody" },
    { ...good, text: "  " },
    { ...good, text: "x".repeat(4097) },
    { ...good, clientRequestId: "a/b" },
  ]) {
    assert.throws(() => outgoingMessage(bad), { code: "invalid-argument" });
  }
});

test("an administrator has a verified address from the list", () => {
  const emails = " Owner@example.com, second@example.com ,";
  assert.equal(isAdmin({ email: "owner@example.com", email_verified: true }, emails), true);
  assert.equal(isAdmin({ email: "owner@example.com", email_verified: false }, emails), false);
  assert.equal(isAdmin({ email: "other@example.com", email_verified: true }, emails), false);
  assert.equal(isAdmin({ email: "", email_verified: true }, emails), false);
});

test("the backend gets the user's own token, and its answer comes back as it is", async (t) => {
  const { asked, url } = await served(t, [[202, '{"messageId":"m1"}'], [409, '{"error":{}}'], [502, "<html>"]]);
  const request = { method: "POST", path: "/api/messages", idToken: "T", body: { text: "Hi" } };
  assert.deepEqual(await callBackend(url, request), { status: 202, body: { messageId: "m1" } });
  assert.equal(asked[0].headers.authorization, "Bearer T");
  assert.deepEqual(asked[0].body, { text: "Hi" });
  assert.equal((await callBackend(url, request)).status, 409);
  await assert.rejects(callBackend(url, request), { code: "unavailable", message: /502 without JSON/ });
  await assert.rejects(callBackend("http://127.0.0.1:1", request), { code: "unavailable" });
});

test("a provider's answer is its first message; its errors do not quote the prompt", async (t) => {
  const { asked, url } = await served(t, [
    [200, '{"choices":[{"message":{"content":"two"}}]}'],
    [429, '{"error":{"message":"prompt: secret"}}'],
  ]);
  const provider = { baseUrl: `${url}/v1/`, key: "K", model: "M" };
  assert.equal(await complete(provider, { system: "S", user: "U", json: true }), "two");
  assert.equal(asked[0].url, "/v1/chat/completions");
  assert.equal(asked[0].headers.authorization, "Bearer K");
  assert.deepEqual(asked[0].body.response_format, { type: "json_object" });
  await assert.rejects(complete(provider, { system: "S", user: "secret" }), (error) => {
    assert.equal(error.code, "unavailable");
    assert.ok(!error.message.includes("secret"));
    return true;
  });
});
