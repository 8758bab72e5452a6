// Loaded into the discovery process before the functions: says, when it ends, what its entry module exports
// and which files it loaded. Reads nothing else, changes nothing. CommonJS only: other modules have no cache.
"use strict";
const fs = require("node:fs");

process.on("exit", () => {
  const report = { entry: null, exported: [], undefined: [], loaded: [] };
  try {
    report.entry = require.resolve(process.cwd());
    const module_ = require.cache[report.entry];
    if (module_ !== undefined && module_.exports !== null && typeof module_.exports === "object") {
      for (const name of Object.keys(module_.exports)) {
        (module_.exports[name] === undefined ? report.undefined : report.exported).push(name);
      }
    }
  } catch {
    report.entry = null; // the codebase has no entry module: discovery itself has said so
  }
  report.loaded = Object.keys(require.cache).filter((file) => !file.includes("/node_modules/"));
  fs.writeFileSync(process.env.CRM_DISCOVERY_REPORT, JSON.stringify(report));
});
