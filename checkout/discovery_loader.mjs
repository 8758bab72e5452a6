// Module hooks for Node before 22.15, which runs them in a thread of their own: writes the address of each file that
// an import resolves to, and the packages that the codebase imports. See discovery_hook.cjs.
import fs from "node:fs";
import { packageOf } from "./discovery_package.cjs";

let file;

export function initialize(data) {
  file = data.file;
}

export async function resolve(specifier, context, next) {
  const found = await next(specifier, context);
  if (found.url.startsWith("file:") && !found.url.includes("/node_modules/")) {
    fs.appendFileSync(file, `${found.url}\n`);
  }
  const name = packageOf(specifier, context.parentURL, found.url);
  if (name !== null) fs.appendFileSync(file, `package:${name}\n`);
  return found;
}
