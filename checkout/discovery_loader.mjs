// Module hooks for Node before 22.15, which runs them in a thread of their own: writes the address of each file that
// an import resolves to. See discovery_hook.cjs.
import fs from "node:fs";

let file;

export function initialize(data) {
  file = data.file;
}

export async function resolve(specifier, context, next) {
  const found = await next(specifier, context);
  if (found.url.startsWith("file:") && !found.url.includes("/node_modules/")) {
    fs.appendFileSync(file, `${found.url}\n`);
  }
  return found;
}
