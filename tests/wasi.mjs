// Runs a program for WASI: `wasi.mjs PROGRAM ARGUMENTS`. What it could import beside WASI's own are the
// threads that Debian's C library has not; nothing calls them.

import { readFileSync } from "node:fs";
import { WASI } from "node:wasi";

const [program, ...args] = process.argv.slice(2);
const wasi = new WASI({ version: "preview1", args: [program, ...args], env: process.env });
const missing = (_, name) => () => {
  throw new Error(`${name} is not there`);
};
const module = new WebAssembly.Module(readFileSync(program));
const imports = { ...wasi.getImportObject(), env: new Proxy({}, { get: missing }) };
process.exitCode = wasi.start(new WebAssembly.Instance(module, imports));
