"use strict";

const { defineInt, defineSecret, defineString, select } = require("firebase-functions/params");

/** The backend's public address: the Railway domain. */
const RAILWAY_WHATSAPP_URL = defineSecret("RAILWAY_WHATSAPP_URL");

/** The administrators: verified e-mail addresses, separated by commas. */
const ADMIN_EMAILS = defineSecret("ADMIN_EMAILS");

// Both use the chat completions protocol; they differ in URL, model and key.
const PROVIDERS = {
  groq: { key: "GROQ_API_KEY", baseUrl: "https://api.groq.com/openai/v1", model: "llama-3.3-70b-versatile" },
  openai: { key: "OPENAI_API_KEY", baseUrl: "https://api.openai.com/v1", model: "gpt-4o-mini" },
};

// The provider determines which secret is bound to a function. Bindings are read while the code loads, before
// params have values, so it comes from the environment. It is also declared as a param below, so that deployment
// tools ask for it.
const providerName = process.env.AI_PROVIDER || "groq";
const provider = PROVIDERS[providerName];
if (!provider) {
  throw new Error(`AI_PROVIDER is "${providerName}"; it must be one of: ${Object.keys(PROVIDERS).join(", ")}`);
}

const AI_PROVIDER = defineString("AI_PROVIDER", {
  default: "groq",
  description: "Who answers questions and extracts events",
  input: select(Object.keys(PROVIDERS)),
});
const AI_API_KEY = defineSecret(provider.key);
const AI_BASE_URL = defineString("AI_BASE_URL", {
  default: provider.baseUrl,
  description: "Base address of the chat completions API",
});
const AI_MODEL = defineString("AI_MODEL", { default: provider.model, description: "Model name" });

const PROXY_MIN_INSTANCES = defineInt("PROXY_MIN_INSTANCES", {
  default: 0,
  description: "Warm instances of whatsappProxySend; 1 spares the first message of the day a cold start",
});
const FOLLOW_UP_BATCH = defineInt("FOLLOW_UP_BATCH", {
  default: 200,
  description: "Follow-ups handled in one run",
});

module.exports = {
  ADMIN_EMAILS,
  AI_API_KEY,
  AI_BASE_URL,
  AI_MODEL,
  AI_PROVIDER,
  FOLLOW_UP_BATCH,
  PROXY_MIN_INSTANCES,
  RAILWAY_WHATSAPP_URL,
};
