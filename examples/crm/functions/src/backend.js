"use strict";

const { HttpsError } = require("firebase-functions/https");

const TIMEOUT_MS = 15_000;

/**
 * Send a request to the Node backend on behalf of a signed-in user.
 *
 * The request contains the user's ID token, which the backend verifies again; there is no shared secret.
 *
 * @returns {Promise<{status: number, body: object}>} the backend's response, whatever its status
 * @throws {HttpsError} unavailable without a response
 */
async function callBackend(baseUrl, { method, path, idToken, body }) {
  let response;
  let text;
  try {
    response = await fetch(new URL(path, baseUrl), {
      method,
      headers: { authorization: `Bearer ${idToken}`, "content-type": "application/json" },
      body: body === undefined ? undefined : JSON.stringify(body),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    text = await response.text();
  } catch (error) {
    throw new HttpsError("unavailable", `The WhatsApp backend does not answer (${error.cause?.code || error.name}).`);
  }
  try {
    return { status: response.status, body: JSON.parse(text) };
  } catch {
    // The platform's edge returns HTML or text while the backend restarts.
    throw new HttpsError("unavailable", `The WhatsApp backend answered ${response.status} without JSON.`);
  }
}

module.exports = { callBackend };
