"use strict";

// The example's functions behind one loopback port, as Google's front end has them: /NAME for https and callable
// ones, POST /NAME with an event or {scheduleTime} for the others. Prints its port.
// usage: node serve_functions.js FUNCTIONS_FOLDER

const path = require("node:path");
const { createRequire } = require("node:module");

const folder = path.resolve(process.argv[2]);
const require_ = createRequire(path.join(folder, "index.js"));
const express = require_("express");
const { getFirestore } = require_("firebase-admin/firestore");
const functions = require_("./index.js");

const app = express();
app.use(express.json());
for (const [name, handler] of Object.entries(functions)) {
  const { eventTrigger, scheduleTrigger } = handler.__endpoint;
  if (!eventTrigger && !scheduleTrigger) {
    app.all(`/${name}`, handler);
    continue;
  }
  app.post(`/${name}`, async (request, response) => {
    const snapshot = (document) => ({ get: (field) => document?.[field] });
    const { before, after, ...event } = request.body;
    const data = { before: snapshot(before), after: snapshot(after) };
    try {
      await handler.run(eventTrigger ? { ...event, data } : event);
      response.json({});
    } catch (error) {
      response.status(500).json({ error: String(error.stack) });
    }
  });
}
const server = app.listen(0, "127.0.0.1", () => console.log(`listening on ${server.address().port}`));
process.on("SIGTERM", () => getFirestore().terminate().then(() => process.exit(0)));
