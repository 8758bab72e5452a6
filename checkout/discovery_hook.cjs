// Loaded into the discovery process before the functions. It asks the SDK's command for the manifest, as
// discovery_request.cjs explains, and writes it. When the process ends, it reports what the entry module exports,
// which files and packages were loaded, the error that the SDK met, and how the code ended the process if it did.
//
// A connection that fails does not end the process. The process has no network, so connections fail at once; with a
// network, the manifest is usually written before a connection fails.
"use strict";
const fs = require("node:fs");
const module_ = require("node:module");
const path = require("node:path");
const { fileURLToPath, pathToFileURL } = require("node:url");
const { graphOf, watchFunctions } = require("./discovery_graph.cjs");
const { packageOf } = require("./discovery_package.cjs");
const { whenServed } = require("./discovery_request.cjs");

const reportFile = process.env.CRM_DISCOVERY_REPORT;
const loader = path.join(__dirname, "discovery_loader.mjs");
const resolvedFile = `${reportFile}.resolved`;
const ours = new Set(
  [loader, ...["graph", "hook", "package", "request"].map((name) => path.join(__dirname, `discovery_${name}.cjs`))],
);
const isOwn = (file) => path.isAbsolute(file) && !file.includes("/node_modules/") && !ours.has(file);
const report = {
  entry: null, exported: [], undefined: [], loaded: [], packages: [], graph: null,
  error: null, exit: null, uncaught: null,
};
const makers = watchFunctions(isOwn);

// ES modules are not in require.cache. Node 22.15 has hooks that also see `require()` of an ES module; before that,
// hooks run in a thread of their own.
const packages = new Set();
const imports = [];
const fileOf = (url) => (url?.startsWith("file:") ? fileURLToPath(url) : (url ?? ""));
if (module_.registerHooks) {
  module_.registerHooks({
    resolve(specifier, context, next) {
      const found = next(specifier, context);
      packages.add(packageOf(specifier, context.parentURL, found.url));
      imports.push([fileOf(context.parentURL), fileOf(found.url)]);
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

// The error, its causes, and the errors that it collects: of fetch(), and of a connection to several addresses.
const errorsOf = (error, depth = 0) => {
  const collected = Array.isArray(error?.errors) ? error.errors.slice(0, 5) : [];
  const inner = depth < 3 ? [error?.cause, ...collected].filter(Boolean) : [];
  return [error, ...inner.flatMap((one) => errorsOf(one, depth + 1))];
};
const messageOf = (error) => {
  const messages = errorsOf(error).map((one) => String(one?.message ?? one));
  return [...new Set(messages)].filter((message) => message !== "").join(": ");
};

process.on("uncaughtExceptionMonitor", (error, origin) => {
  report.uncaught = { origin, message: messageOf(error), stack: String(error?.stack ?? "") };
});

// Errors of connect(), getaddrinfo() and c-ares (errno.h, netdb.h, ares.h), and of libraries that do not keep them.
const codesOfConnection = new Set([
  "EAI_AGAIN", "EAI_FAIL", "EAI_NODATA", "EAI_NONAME", "ENOTFOUND", "ENODATA", "ESERVFAIL", "ETIMEOUT", "ETIMEDOUT",
  "ENETUNREACH", "EHOSTUNREACH", "ENETDOWN", "EHOSTDOWN", "ECONNREFUSED", "EADDRNOTAVAIL",
]);
const textsOfConnection = /\b(?:EAI_AGAIN|ENOTFOUND|ENETUNREACH|ECONNREFUSED|Could not load the default credentials)\b/;
const isOfConnection = (error) =>
  errorsOf(error).some((one) => codesOfConnection.has(one?.code) || textsOfConnection.test(one?.message));
const graceOfGraph = 5000; // milliseconds
const graceOfConnection = 5000; // milliseconds, in which an ES module may end to load

process.on("uncaughtException", (error) => {
  if (process.listenerCount("uncaughtException") > 1) return; // the code has a listener of its own
  const end = () => exit.call(process, 1); // as Node does without a listener
  if (isOfConnection(error)) setTimeout(end, graceOfConnection).unref();
  else end();
});

// The SDK answers when the exports are complete. Nothing of the code runs from then on but what the same turn of the
// event loop has left: a rejected promise that is not handled still ends the process.
whenServed((manifest, error) => {
  setImmediate(async () => {
    if (manifest === null) {
      report.error = { message: String(error?.message ?? error), stack: String(error?.stack ?? "") };
      exit.call(process, 1);
    }
    fs.writeFileSync(process.env.CRM_DISCOVERY_MANIFEST, manifest);
    setTimeout(() => exit.call(process, 0), graceOfGraph);
    try {
      readResolved();
      report.graph = await graphOf(require.resolve(process.cwd()), imports, makers, isOwn);
    } catch {
      report.graph = null; // what the exports have cannot be read: all files count for all functions
    }
    exit.call(process, 0);
  });
});

// What the hooks in the other thread have seen so far.
const readResolved = () => {
  if (!fs.existsSync(resolvedFile)) return;
  for (const line of fs.readFileSync(resolvedFile, "utf8").split("\n").slice(0, -1)) {
    const [kind, first, second] = JSON.parse(line);
    if (kind === "package") packages.add(first);
    else imports.push([fileOf(first), fileOf(second)]);
  }
  fs.rmSync(resolvedFile);
};

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
  readResolved();
  report.packages = [...packages].filter((name) => name !== null).sort();
  const files = new Set([...Object.keys(require.cache), ...imports.map(([, file]) => file)]);
  report.loaded = [...files].filter(isOwn);
  fs.writeFileSync(reportFile, JSON.stringify(report));
});
