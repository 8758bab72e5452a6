"use strict";

const { HttpsError } = require("firebase-functions/https");

const TIMEOUT_MS = 30_000;

/**
 * Get a response of a chat model through the chat completions protocol.
 *
 * @param {{baseUrl: string, key: string, model: string}} provider
 * @param {{system: string, user: string, json?: boolean}} prompt json: the response must be a JSON object
 * @returns {Promise<string>}
 * @throws {HttpsError} unavailable
 */
async function complete({ baseUrl, key, model }, { system, user, json = false }) {
  let response;
  let body;
  try {
    response = await fetch(`${baseUrl.replace(/\/+$/, "")}/chat/completions`, {
      method: "POST",
      headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
      body: JSON.stringify({
        model,
        temperature: 0,
        messages: [
          { role: "system", content: system },
          { role: "user", content: user },
        ],
        ...(json ? { response_format: { type: "json_object" } } : {}),
      }),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    body = await response.json();
  } catch (error) {
    throw new HttpsError("unavailable", `The AI provider does not answer (${error.cause?.code || error.name}).`);
  }
  const content = body?.choices?.[0]?.message?.content;
  if (!response.ok || typeof content !== "string") {
    // Its message may quote the prompt, which contains a client's data: only the status is passed on.
    throw new HttpsError("unavailable", `The AI provider answered ${response.status}.`);
  }
  return content;
}

module.exports = { complete };
