"use strict";

const { Accounts } = require("./accounts");
const { ConfigError, readConfig } = require("./config");
const { startFirebase } = require("./firebase");
const { Health } = require("./health");
const { createApp } = require("./http");
const { log } = require("./log");
const { Messages } = require("./messages");
const { OutboxWorker } = require("./outbox");
const { Sessions, SessionsError } = require("./sessions");
const { createTransport } = require("./transports");
const { TransportError } = require("./transports/baileys");

const SHUTDOWN_MS = 10_000;

async function main() {
  const config = readConfig(process.env);
  const sessions = new Sessions(config.sessionsPath);
  await sessions.open(log);
  const firebase = await startFirebase(config.serviceAccount, log);
  const { db } = firebase;

  const transport = await createTransport(config.transport, log);
  const messages = new Messages(db, log);
  const accounts = new Accounts({ db, history: config.history, log, messages, sessions, transport });
  const outbox = new OutboxWorker({ accounts, db, messages, log });
  accounts.onConnected = () => outbox.wake();
  await accounts.resume();
  await outbox.start();

  const health = new Health({ accounts, config, firebase, log, outbox, sessions });
  const app = createApp({ accounts, config, firebase, health, log, messages, transport });
  const server = await listen(app, config);
  log.info(`listening on ${server.address().port}`);

  let stopping = false;
  async function shutdown(signal) {
    if (stopping) return;
    stopping = true;
    log.info(`${signal}: shutting down`);
    // Finish sending before the shutdown, within the time after which the platform kills the process.
    setTimeout(() => {
      log.error("the shutdown takes too long");
      process.exit(1);
    }, SHUTDOWN_MS).unref();
    const closed = new Promise((resolve) => server.close(resolve));
    server.closeIdleConnections();
    await closed;
    await outbox.stop();
    await accounts.close();
    await firebase.close();
    log.info("shut down");
  }
  for (const signal of ["SIGTERM", "SIGINT"]) process.on(signal, () => shutdown(signal).catch(fail));
}

function listen(app, { port, host }) {
  return new Promise((resolve, reject) => {
    const server = app.listen(port, host);
    server.once("listening", () => resolve(server));
    server.once("error", reject);
  });
}

function fail(error) {
  // A configuration error is one line; anything else is logged with its stack trace.
  const expected = [ConfigError, SessionsError, TransportError].some((kind) => error instanceof kind);
  if (expected) log.error(error.message);
  else log.error("the backend cannot go on", error);
  process.exit(1);
}

main().catch(fail);
