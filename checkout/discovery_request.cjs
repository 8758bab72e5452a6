// Asks the SDK's command for the manifest, in its own process and without a network.
//
// Every version since 3.20 serves it at /__/functions.yaml on the port PORT (firebase-functions, src/bin), and loads
// the functions at that request, as firebase-tools makes it (15.34, `serveAdmin` and `detectFromPort`). A file is
// written instead only since 6.4. Here the server listens to nothing: the request comes from a stream (Node documents
// of `http.Server`: a "connection" can be emitted for any Duplex), and the answer is taken as it is given. So no port
// is taken, nobody else can ask, no code runs between the answer and its use, and the process ends by itself if the
// code waits for something that never happens.
"use strict";
const fs = require("node:fs");
const module_ = require("node:module");
const net = require("node:net");
const { Duplex } = require("node:stream");

const failure = "Failed to generate manifest from function source: ";
const command = /[\\/]firebase-functions[^\\/]*[\\/]lib[\\/]bin[\\/]/;

// The error that the answer is about. Since 4.5 the SDK also prints it; before, it is what loading the codebase threw.
const watchErrors = () => {
  const seen = { printed: [], thrown: [] };
  const print = console.error;
  console.error = (...values) => {
    const caller = new Error().stack.split("\n")[2] ?? "";
    if (command.test(caller) && values.length === 1) seen.printed = values;
    else print.apply(console, values);
  };
  const load = module_.prototype.require;
  module_.prototype.require = function (name) {
    if (name !== process.cwd()) return load.call(this, name);
    try {
      return load.call(this, name);
    } catch (error) {
      seen.thrown = [error];
      throw error;
    }
  };
  return (answer) => {
    if (seen.printed.length > 0) return seen.printed[0];
    const thrown = seen.thrown.find((error) => answer === `${failure}${error}`);
    return thrown ?? answer.replace(failure, "");
  };
};

const request = (server, done) => {
  const errorOf = watchErrors();
  server.prependListener("request", (_request, response) => {
    response.end = (body) => {
      const answer = String(body);
      if (response.statusCode === 200) done(answer, null);
      else done(null, errorOf(answer));
      return response;
    };
  });
  const connection = new Duplex({ read() {}, write: (_chunk, _encoding, written) => written() });
  server.emit("connection", connection);
  connection.push("GET /__/functions.yaml HTTP/1.1\r\nhost: localhost\r\n\r\n");
};

// Calls `done(manifest, error)`, one of them null. The first server of the process is the SDK's: no code of the
// functions has been loaded before the request.
exports.whenServed = (done) => {
  const { listen } = net.Server.prototype;
  const { log } = console;
  console.log = (...values) => {
    if (values[0] !== "Serving at port") log.apply(console, values);
  };
  net.Server.prototype.listen = function () {
    net.Server.prototype.listen = listen;
    console.log = log;
    // In the poll phase of the event loop: what `done` leaves to setImmediate comes before events of the code.
    fs.stat(__filename, () => request(this, done));
    return this;
  };
};
