// Loaded into the discovery process before the functions. When the process ends, it reports what the entry module
// exports, which files and packages were loaded, and how the code ended the process if it did.
"use strict";
const fs = require("node:fs");
const module_ = require("node:module");
const path = require("node:path");
const { fileURLToPath, pathToFileURL } = require("node:url");
const { packageOf } = require("./discovery_package.cjs");

const reportFile = process.env.CRM_DISCOVERY_REPORT;
const loader = path.join(__dirname, "discovery_loader.mjs");
const resolvedFile = `${reportFile}.resolved`;
const report = { entry: null, exported: [], undefined: [], loaded: [], packages: [], exit: null, uncaught: null };

// ES modules are not in require.cache. Node 22.15 has hooks that also see `require()` of an ES module; before that,
// hooks run in a thread of their own.
const resolved = [];
const packages = new Set();
if (module_.registerHooks) {
  module_.registerHooks({
    resolve(specifier, context, next) {
      const found = next(specifier, context);
      resolved.push(found.url);
      packages.add(packageOf(specifier, context.parentURL, found.url));
      return found;
    },
  });
} else if (module_.register) {
  const resolveFilename = module_._resolveFilename;
  module_._resolveFilename = function (specifier, parent, ...rest) {
    const found = resolveFilename.call(this, specifier, parent, ...rest);
    packages.add(packageOf(specifier, parent?.filename, found));
    return found;
  };
  module_.register(pathToFileURL(loader), { data: { file: resolvedFile } });
}

const exit = process.exit;
process.exit = function (code) {
  if (report.exit === null) {
    const here = {};
    Error.captureStackTrace(here, process.exit);
    report.exit = { code: Number(code ?? process.exitCode ?? 0), stack: String(here.stack) };
  }
  return exit.call(process, code);
};

process.on("uncaughtExceptionMonitor", (error, origin) => {
  report.uncaught = { origin, message: String(error?.message ?? error), stack: String(error?.stack ?? "") };
});

process.on("exit", () => {
  try {
    report.entry = require.resolve(process.cwd());
    const entry = require.cache[report.entry];
    if (entry !== undefined && entry.exports !== null && typeof entry.exports === "object") {
      for (const name of Object.keys(entry.exports)) {
        (entry.exports[name] === undefined ? report.undefined : report.exported).push(name);
      }
    }
  } catch {
    report.entry = null; // no entry module; discovery reports it
  }
  if (fs.existsSync(resolvedFile)) resolved.push(...fs.readFileSync(resolvedFile, "utf8").split("\n"));
  for (const line of resolved) {
    if (line?.startsWith("package:")) packages.add(line.slice("package:".length));
  }
  report.packages = [...packages].filter((name) => name !== null).sort();
  const modules = resolved.filter((url) => url?.startsWith("file:")).map((url) => fileURLToPath(url));
  const files = new Set([...Object.keys(require.cache), ...modules]);
  const ours = new Set([__filename, loader, require.resolve("./discovery_package.cjs")]);
  const isReported = (file) => path.isAbsolute(file) && !file.includes("/node_modules/") && !ours.has(file);
  report.loaded = [...files].filter(isReported);
  fs.writeFileSync(reportFile, JSON.stringify(report));
});
