// The name of the package that a file outside of node_modules loads by name, null for all other loads.
"use strict";
const ofDependencies = "/node_modules/";

exports.packageOf = (specifier, parent, resolved) => {
  const name = /^(?:@[^/]+\/)?[^@./#\\:][^/\\:]*/.exec(specifier)?.[0];
  const isOwn = typeof parent === "string" && !parent.includes(ofDependencies);
  return name !== undefined && isOwn && resolved?.includes(ofDependencies) ? name : null;
};
