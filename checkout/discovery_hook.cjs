// Loaded into the discovery process before the functions. When the process ends, it reports what the entry
// module exports and which files were loaded. CommonJS only: ES modules are not in require.cache.
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
    report.entry = null; // no entry module; discovery reports it
  }
  report.loaded = Object.keys(require.cache).filter((file) => !file.includes("/node_modules/"));
  fs.writeFileSync(process.env.CRM_DISCOVERY_REPORT, JSON.stringify(report));
});
