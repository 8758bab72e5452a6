"use strict";

// One line per entry on stdout: the platform's log viewer splits at line ends, and the verification of a deployment
// searches for whole lines.
const write = (stream, text) => stream.write(`${String(text).replace(/\s*\n\s*/g, " | ")}\n`);

const log = {
  info: (text) => write(process.stdout, text),
  warn: (text) => write(process.stdout, `warning: ${text}`),
  error: (text, error) => write(process.stderr, `error: ${text}${error ? `: ${error.stack || error}` : ""}`),
};

module.exports = { log };
