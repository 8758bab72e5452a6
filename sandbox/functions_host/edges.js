"use strict";

// Sends the requests of a function to some hosts to servers on this machine, without TLS and with the Host header that
// the code asked for: SANDBOX_EDGES is {"host" or "*.suffix": "http://127.0.0.1:PORT"}. All other requests are sent as
// they are. The code, its variables and its secrets stay as they are deployed.
// usage: node --require edges.js …

const http = require("node:http");
const https = require("node:https");
const { syncBuiltinESMExports } = require("node:module");

const EDGES = Object.entries(JSON.parse(process.env.SANDBOX_EDGES || "{}")).map(([name, url]) => [name, new URL(url)]);
const DISPATCHER = Symbol.for("undici.globalDispatcher.1");
// The metadata server answers for the account of the function that asks: this names its service.
const METADATA = ["metadata.google.internal", "169.254.169.254"];
const CALLER = { "x-sandbox-caller": process.env.SANDBOX_CALLER || "" };

function edgeOf(host) {
  const name = String(host).toLowerCase();
  const found = EDGES.find(([key]) => (key.startsWith("*.") ? name.endsWith(key.slice(1)) : name === key));
  return found && found[1];
}

function withHost(headers, host) {
  const kept = Object.entries(headers || {}).filter(([name]) => name.toLowerCase() !== "host");
  return { ...Object.fromEntries(kept), ...(METADATA.includes(host) ? CALLER : {}), host };
}

function patch(module_) {
  const original = module_.request;
  const request = (...given) => {
    let input = given[0];
    if (typeof input === "string") input = new URL(input);
    const url = input instanceof URL ? input : null;
    const rest = url ? given.slice(1) : given;
    const options = typeof rest[0] === "function" || rest[0] === undefined ? {} : rest[0];
    const callback = rest.find((one) => typeof one === "function");
    const host = String(options.hostname || options.host || (url && url.hostname) || "").replace(/:\d+$/, "");
    const edge = edgeOf(host);
    if (!edge) return original(...given);
    const path = options.path || (url ? url.pathname + url.search : "/");
    const headers = Array.isArray(options.headers) ? Object.fromEntries(pairs(options.headers)) : options.headers;
    const { agent: _agent, ...others } = options;
    return http.request.original(
      { ...others, protocol: "http:", host: edge.hostname, hostname: edge.hostname, port: edge.port, path,
        headers: withHost(headers, host) },
      callback,
    );
  };
  request.original = original;
  module_.request = request;
  module_.get = (...given) => {
    const sent = request(...given);
    sent.end();
    return sent;
  };
}

function pairs(flat) {
  return flat.length && Array.isArray(flat[0]) ? flat : flat.flatMap((name, at) => (at % 2 ? [] : [[name, flat[at + 1]]]));
}

if (EDGES.length) {
  patch(http);
  patch(https);
  syncBuiltinESMExports();
  void globalThis.Headers; // loads the built-in fetch, which sets its dispatcher
  const inner = globalThis[DISPATCHER];
  globalThis[DISPATCHER] = new Proxy(inner, {
    get(target, name) {
      if (name !== "dispatch") {
        const value = target[name];
        return typeof value === "function" ? value.bind(target) : value;
      }
      return (options, handler) => {
        const { hostname, host } = new URL(options.origin);
        const edge = edgeOf(hostname);
        if (!edge) return target.dispatch(options, handler);
        const given = Array.isArray(options.headers) ? Object.fromEntries(pairs(options.headers)) : options.headers;
        return target.dispatch({ ...options, origin: edge.origin, headers: withHost(given, host) }, handler);
      };
    },
  });
}
