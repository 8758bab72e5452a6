"use strict";

const { createHash, timingSafeEqual } = require("node:crypto");

const express = require("express");

const { ACCOUNT_ID, E164 } = require("./identity");

class HttpProblem extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

const bearer = (request) => /^Bearer (.+)$/.exec(request.get("authorization") ?? "")?.[1];

function sameSecret(given, expected) {
  const digest = (text) => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(given), digest(expected));
}

function accountIdOf(text) {
  if (typeof text !== "string" || !ACCOUNT_ID.test(text)) {
    throw new HttpProblem(400, "an account's id has 1 to 40 small letters, digits and dashes");
  }
  return text;
}

/** The backend's routes. */
function createApp({ accounts, config, firebase, health, log, messages, transport }) {
  const app = express();
  app.disable("x-powered-by");
  app.use(express.json({ limit: "64kb" }));

  app.get("/health", async (_request, response) => {
    const { status, body } = await health.check();
    response.status(status).json(body);
  });

  app.use("/api", members(firebase), apiRoutes({ accounts, messages }));
  app.use("/admin", admins(config.adminToken), adminRoutes({ accounts, transport }));

  app.use((_request, _response) => {
    throw new HttpProblem(404, "there is nothing here");
  });
  // Express recognises an error handler by its four parameters.
  app.use((error, _request, response, _next) => {
    const status = error.status ?? 500;
    if (status >= 500) log.error("request failed", error);
    response.status(status).json({ error: { status, message: status >= 500 ? "internal error" : error.message } });
  });
  return app;
}

/** Requires the Firebase ID token of a member. */
function members(firebase) {
  return async (request, response, next) => {
    const idToken = bearer(request);
    if (!idToken) throw new HttpProblem(401, "send a Firebase ID token as Authorization: Bearer");
    let token;
    try {
      token = await firebase.auth.verifyIdToken(idToken);
    } catch (error) {
      if (!String(error.code).startsWith("auth/")) throw error;
      throw new HttpProblem(401, "the Firebase ID token is not valid");
    }
    const member = await firebase.db.doc(`members/${token.uid}`).get();
    if (member.get("active") !== true) throw new HttpProblem(403, "not a member of this company");
    response.locals.caller = { uid: token.uid, role: member.get("role") };
    next();
  };
}

/** Requires ADMIN_TOKEN. */
function admins(adminToken) {
  return (request, _response, next) => {
    const given = bearer(request);
    if (!given || !sameSecret(given, adminToken)) throw new HttpProblem(401, "send ADMIN_TOKEN as Authorization: Bearer");
    next();
  };
}

function apiRoutes({ accounts, messages }) {
  const router = express.Router();

  router.get("/accounts", (_request, response) => {
    response.json({ accounts: accounts.list() });
  });

  router.delete("/accounts/:accountId", async (request, response) => {
    if (response.locals.caller.role !== "admin") throw new HttpProblem(403, "only an admin may remove an account");
    const accountId = accountIdOf(request.params.accountId);
    if (!accounts.has(accountId)) throw new HttpProblem(404, `there is no account ${accountId}`);
    await accounts.remove(accountId);
    response.json({ accountId, status: "removed" });
  });

  router.post("/messages", async (request, response) => {
    const { to, text, clientRequestId } = request.body ?? {};
    const accountId = accountIdOf(request.body?.accountId);
    if (typeof to !== "string" || !E164.test(to)) throw new HttpProblem(400, "to must be a phone number in E.164");
    if (typeof text !== "string" || !text.trim()) throw new HttpProblem(400, "text is empty");
    if (typeof clientRequestId !== "string" || !clientRequestId) throw new HttpProblem(400, "clientRequestId is missing");
    if (!accounts.has(accountId)) throw new HttpProblem(404, `there is no account ${accountId}`);
    const { uid } = response.locals.caller;
    response.status(202).json(await messages.enqueue({ accountId, to, text, clientRequestId, uid }));
  });

  return router;
}

function adminRoutes({ accounts, transport }) {
  const router = express.Router();

  router.get("/accounts", (_request, response) => {
    response.json({ accounts: accounts.list() });
  });

  router.post("/accounts", async (request, response) => {
    const accountId = accountIdOf(request.body?.accountId);
    const name = request.body?.name;
    if (typeof name !== "string" || !name.trim()) throw new HttpProblem(400, "name is missing");
    const status = await accounts.pair(accountId, name.trim());
    response.status(201).json({ ...status, pairingCode: accounts.pairingCode(accountId) });
  });

  router.get("/accounts/:accountId", (request, response) => {
    const accountId = accountIdOf(request.params.accountId);
    if (!accounts.has(accountId)) throw new HttpProblem(404, `there is no account ${accountId}`);
    response.json({ ...accounts.status(accountId), pairingCode: accounts.pairingCode(accountId) });
  });

  if (transport.simulate) router.use("/simulate", simulation(transport.simulate));
  return router;
}

/** Actions of simulated clients, if the transport supports them. */
function simulation(simulate) {
  const router = express.Router();
  const asking = (handle) => async (request, response) => {
    try {
      response.json(await handle(accountIdOf(request.params.accountId), request.body ?? {}));
    } catch (error) {
      if (error instanceof RangeError) throw new HttpProblem(404, error.message);
      if (error instanceof TypeError) throw new HttpProblem(400, error.message);
      throw error;
    }
  };
  router.post("/:accountId/receive", asking(simulate.receive));
  router.post("/:accountId/read", asking(simulate.read));
  router.post("/:accountId/refuse", asking(simulate.refuse));
  router.get("/:accountId/sent", asking((accountId) => ({ sent: simulate.sent(accountId) })));
  return router;
}

module.exports = { createApp };
