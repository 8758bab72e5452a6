"use strict";

const TRANSPORTS = ["baileys", "loopback"];
const MIN_ADMIN_TOKEN = 16;

class ConfigError extends Error {}

/**
 * The settings from the environment variables. @throws {ConfigError} with all errors at once
 *
 * The message contains no values: some of them are secrets.
 */
function readConfig(env) {
  const problems = [];
  const required = (name) => {
    if (!env[name]) problems.push(`${name} is not set`);
    return env[name] ?? "";
  };
  const integer = (name, fallback, least) => {
    const value = Number(env[name] || fallback);
    if (!Number.isInteger(value) || value < least) problems.push(`${name} must be a whole number, ${least} or more`);
    return value;
  };
  const flag = (name, fallback) => {
    const text = (env[name] || fallback).toLowerCase();
    if (!["true", "false"].includes(text)) problems.push(`${name} must be a boolean: true or false`);
    return text === "true";
  };

  const config = {
    port: integer("PORT", "8080", 0),
    host: env.HOST || undefined, // all addresses of both IP versions
    sessionsPath: required("SESSIONS_PATH"),
    serviceAccount: parseServiceAccount(required("FIREBASE_SERVICE_ACCOUNT_JSON"), problems),
    adminToken: required("ADMIN_TOKEN"),
    transport: env.WHATSAPP_TRANSPORT || "baileys",
    history: {
      full: flag("WHATSAPP_SYNC_FULL_HISTORY", "false"),
      messagesPerThread: integer("WHATSAPP_BACKFILL_COUNT", "50", 0),
      threads: integer("WHATSAPP_BACKFILL_THREADS", "100", 0),
    },
    release: { commit: env.RAILWAY_GIT_COMMIT_SHA || null, deployment: env.RAILWAY_DEPLOYMENT_ID || null },
  };
  if (config.sessionsPath && !config.sessionsPath.startsWith("/")) problems.push("SESSIONS_PATH must be absolute");
  if (config.adminToken && config.adminToken.length < MIN_ADMIN_TOKEN) {
    problems.push(`ADMIN_TOKEN is shorter than ${MIN_ADMIN_TOKEN} characters`);
  }
  if (!TRANSPORTS.includes(config.transport)) problems.push(`WHATSAPP_TRANSPORT must be ${TRANSPORTS.join(" or ")}`);
  if (problems.length) throw new ConfigError(problems.join("; "));
  return config;
}

function parseServiceAccount(text, problems) {
  if (!text) return null;
  let account;
  try {
    account = JSON.parse(text);
  } catch {
    problems.push("FIREBASE_SERVICE_ACCOUNT_JSON is not JSON");
    return null;
  }
  const missing = ["project_id", "client_email", "private_key"].filter((key) => typeof account?.[key] !== "string");
  if (missing.length) problems.push(`FIREBASE_SERVICE_ACCOUNT_JSON has no ${missing.join(", ")}`);
  return account;
}

module.exports = { ConfigError, readConfig };
