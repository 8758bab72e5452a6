"use strict";

const { logger } = require("firebase-functions");
const { HttpsError, onRequest } = require("firebase-functions/https");

const { callerOf, isAdmin, requireMember } = require("./auth");
const { callBackend } = require("./backend");
const { ADMIN_EMAILS, PROXY_MIN_INSTANCES, RAILWAY_WHATSAPP_URL } = require("./config");
const { toE164 } = require("./identity");

const MAX_TEXT = 4096;

/** An https function for signed-in members: `handle` gets the request and the caller, and returns {status, body}. */
function forMembers(options, method, handle) {
  return onRequest({ invoker: "public", cors: true, ...options }, async (request, response) => {
    try {
      if (request.method !== method) {
        response.set("allow", method).status(405).json({ error: { message: `Use ${method}.` } });
        return;
      }
      const caller = await callerOf(request);
      await requireMember(caller.token.uid);
      const answer = await handle(request, caller);
      response.status(answer.status).json(answer.body);
    } catch (error) {
      const known = error instanceof HttpsError;
      if (!known) logger.error("proxy failed", error);
      response
        .status(known ? error.httpErrorCode.status : 500)
        .json({ error: known ? error.toJSON() : { status: "INTERNAL", message: "Internal error." } });
    }
  });
}

/** Validate the message that the app sends. @throws {HttpsError} invalid-argument */
function outgoingMessage(body) {
  const { accountId, to, text, clientRequestId } = body || {};
  const wrong = (message) => new HttpsError("invalid-argument", message);
  if (typeof accountId !== "string" || !accountId) throw wrong("accountId is missing.");
  const phone = toE164(typeof to === "string" ? to : "");
  if (!phone) throw wrong("to is not a phone number.");
  if (typeof text !== "string" || !text.trim()) throw wrong("text is empty.");
  if (text.length > MAX_TEXT) throw wrong(`text is longer than ${MAX_TEXT} characters.`);
  // The app creates it once per tap on "send": a retry with the same id does not send twice.
  if (typeof clientRequestId !== "string" || !/^[\w-]{8,64}$/.test(clientRequestId)) {
    throw wrong("clientRequestId must have 8 to 64 letters, digits, - or _.");
  }
  return { accountId, to: phone, text, clientRequestId };
}

const whatsappProxySend = forMembers(
  { secrets: [RAILWAY_WHATSAPP_URL], minInstances: PROXY_MIN_INSTANCES, timeoutSeconds: 30 },
  "POST",
  (request, { idToken }) =>
    callBackend(RAILWAY_WHATSAPP_URL.value(), {
      method: "POST",
      path: "/api/messages",
      idToken,
      body: outgoingMessage(request.body),
    }),
);

const whatsappProxyGetAccounts = forMembers(
  { secrets: [RAILWAY_WHATSAPP_URL], timeoutSeconds: 30 },
  "GET",
  (_request, { idToken }) =>
    callBackend(RAILWAY_WHATSAPP_URL.value(), { method: "GET", path: "/api/accounts", idToken }),
);

const whatsappProxyDeleteAccount = forMembers(
  { secrets: [RAILWAY_WHATSAPP_URL, ADMIN_EMAILS], timeoutSeconds: 60 },
  "POST",
  (request, { idToken, token }) => {
    if (!isAdmin(token, ADMIN_EMAILS.value())) {
      throw new HttpsError("permission-denied", "Only an administrator may remove a WhatsApp account.");
    }
    const accountId = request.body?.accountId;
    if (typeof accountId !== "string" || !accountId) throw new HttpsError("invalid-argument", "accountId is missing.");
    const path = `/api/accounts/${encodeURIComponent(accountId)}`;
    return callBackend(RAILWAY_WHATSAPP_URL.value(), { method: "DELETE", path, idToken });
  },
);

module.exports = { outgoingMessage, whatsappProxyDeleteAccount, whatsappProxyGetAccounts, whatsappProxySend };
