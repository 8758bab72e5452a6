// Which files of the codebase load which, and which of them each function comes from. `checkout.reach` says what it
// is for, and why all that is not certain counts as "loads everything".
"use strict";
const fs = require("node:fs");
const path = require("node:path");
const { fileURLToPath, pathToFileURL } = require("node:url");

const isCode = (file) => /\.[cm]?js$/.test(file);
const suffixes = ["", ".js", ".cjs", ".mjs", ".json", "/index.js", "/index.cjs", "/index.mjs", "/index.json"];
const relative = /(["'`])(\.{1,2}(?:\/[^"'`\n]*)?)\1/g;
// Code that can load a file whose name is not a literal in it.
const computed = new RegExp(
  [
    /\b(?:require|import)\s*\(\s*(?![\s"'`)])/, // require(name)
    /\b(?:require|import)\s*\(\s*`[^`]*\$\{/,
    /\b(?:require|import)\s*\(\s*["']#/, // "imports" of package.json
    /[=(,:[?]\s*require\b(?!\s*[.(])/, // another name for require
    /\brequire\s*(?:\[|\.\s*main\s*\.)|\bcreateRequire\b|\b_load\b|\beval\s*\(|\bnew\s+Function\b/,
  ].map((one) => one.source).join("|"),
);
const ofLoader = "node:internal/modules/";

// Which files make which functions: those on the stack, up to the module that is being loaded, when the SDK gives a
// function its `__endpoint`. It assigns it, or defines it (firebase-functions 4 to 7, all providers).
exports.watchFunctions = (isOwn) => {
  const makers = new Map();
  const define = Object.defineProperty;
  const note = (made) => {
    const { prepareStackTrace, stackTraceLimit } = Error;
    Error.stackTraceLimit = Infinity;
    Error.prepareStackTrace = (_error, frames) => frames.map((frame) => frame.getFileName() ?? "");
    const stack = new Error().stack;
    Object.assign(Error, { prepareStackTrace, stackTraceLimit });
    const end = stack.findIndex((file) => file.startsWith(ofLoader));
    const files = (end < 0 ? stack : stack.slice(0, end)).map(fileOf).filter(isOwn);
    makers.set(made, new Set([...(makers.get(made) ?? []), ...files]));
  };
  define(Function.prototype, "__endpoint", {
    configurable: true,
    get: () => undefined,
    set(value) {
      note(this);
      define(this, "__endpoint", { value, configurable: true, enumerable: true, writable: true });
    },
  });
  Object.defineProperty = (target, name, ...rest) => {
    if (name === "__endpoint") note(target);
    return define(target, name, ...rest);
  };
  return makers;
};

const fileOf = (url) => (url.startsWith("file:") ? fileURLToPath(url) : url);

// The functions in the exports of the entry file, by entry point (firebase-functions, `extractStack`).
const functionsIn = (exported) => {
  const found = new Map();
  const look = (value, prefix, depth) => {
    for (const name of Object.keys(value)) {
      const one = value[name];
      if (typeof one === "function" && one.__endpoint) found.set(`${prefix}${name}`.replace(/-/g, "."), one);
      else if (typeof one === "object" && one !== null && depth < 10) look(one, `${prefix}${name}-`, depth + 1);
    }
  };
  look(exported, "", 0);
  return found;
};

const literalsOf = (file, text, known) => {
  const names = [...text.matchAll(relative)].map((match) => path.resolve(path.dirname(file), match[2]));
  return names.flatMap((name) => suffixes.map((suffix) => `${name}${suffix}`).filter((one) => known.has(one)));
};

// `imports` are the pairs of files that an import links, `makers` what `watchFunctions` gave. Null if a file is loaded
// in a way that its loader's text does not show, such as an alias: others may be loaded so later.
exports.graphOf = async (entry, imports, makers, isOwn) => {
  const files = new Map();
  const roots = new Set([entry]);
  const add = (parent, child) => {
    if (!isOwn(child)) return;
    if (!files.has(child)) files.set(child, new Set());
    if (!isOwn(parent)) roots.add(child);
    else files.set(parent, (files.get(parent) ?? new Set()).add(child));
  };
  for (const module of Object.values(require.cache)) {
    for (const child of module.children) add(module.filename, child.filename);
  }
  for (const [parent, child] of imports) add(parent, child);

  const dynamic = [];
  for (const [file, children] of files) {
    if (!isCode(file)) continue;
    const text = fs.readFileSync(file, "utf8");
    const literals = new Set(literalsOf(file, text, files));
    if (computed.test(text)) dynamic.push(file);
    else if ([...children].some((child) => !literals.has(child))) return null;
    for (const literal of literals) children.add(literal);
  }

  const exported = require.cache[entry]?.exports ?? (await import(pathToFileURL(entry).href));
  const functions = [...functionsIn(exported)].map(([name, one]) => [name, [...(makers.get(one) ?? [])]]);
  const lists = [...files].map(([file, children]) => [file, [...children]]);
  return {
    entry, files: Object.fromEntries(lists), roots: [...roots], dynamic, makers: Object.fromEntries(functions),
  };
};
