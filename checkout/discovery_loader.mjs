// Module hooks for Node before 22.15, which runs them in a thread of their own: writes, one JSON value a line, the two
// files that an import links, and the packages that the codebase imports. See discovery_hook.cjs.
import fs from "node:fs";
import { packageOf } from "./discovery_package.cjs";

let file;

export function initialize(data) {
  file = data.file;
}

const write = (...values) => fs.appendFileSync(file, `${JSON.stringify(values)}\n`);
const isOwn = (url) => url.startsWith("file:") && !url.includes("/node_modules/");

export async function resolve(specifier, context, next) {
  const found = await next(specifier, context);
  if (isOwn(found.url)) write("import", context.parentURL ?? "", found.url);
  const name = packageOf(specifier, context.parentURL, found.url);
  if (name !== null) write("package", name);
  return found;
}
