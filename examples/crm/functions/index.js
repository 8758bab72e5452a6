"use strict";

const { initializeApp } = require("firebase-admin/app");
const { setGlobalOptions } = require("firebase-functions");

initializeApp();
// maxInstances limits the cost and the use of the region's CPU quota; no function here needs more.
setGlobalOptions({ region: "europe-west1", maxInstances: 10 });

const proxy = require("./src/proxy");
exports.whatsappProxySend = proxy.whatsappProxySend;
exports.whatsappProxyGetAccounts = proxy.whatsappProxyGetAccounts;
exports.whatsappProxyDeleteAccount = proxy.whatsappProxyDeleteAccount;

const assistant = require("./src/assistant");
exports.askAboutClient = assistant.askAboutClient;
exports.extractEventFromThread = assistant.extractEventFromThread;

exports.setMember = require("./src/members").setMember;
exports.aggregateClientStats = require("./src/aggregate").aggregateClientStats;
exports.processFollowUps = require("./src/followups").processFollowUps;
exports.processOutboxNow = require("./src/outbox").processOutboxNow;
