/** Builds what the gateway serves (gateway/static); with --sizes only holds the sizes against the budget. */

import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { buildSync } from "esbuild";

const STATIC = new URL("../gateway/static/", import.meta.url);
const BUDGET = { "ask0.js": 2_200, "snippet.js": 250 }; // bytes, gzip -9

const { version } = JSON.parse(read("package.json"));
const bundle = compile("src/script.ts", { format: "iife" });
const snippet = compile("src/snippet.ts").replace(/;?\n$/, "");

if (process.argv.includes("--sizes")) printSizes();
else writeStatic();

function writeStatic() {
  const name = `ask0.${version}-${hash("sha256", "hex").slice(0, 8)}.js`;
  mkdirSync(STATIC, { recursive: true });
  for (const old of readdirSync(STATIC)) {
    if (/^(ask0|snippet|demo|manifest)\b/.test(old)) rmSync(new URL(old, STATIC));
  }
  write("ask0.js", bundle);
  write(name, bundle);
  write("snippet.js", snippet);
  write("demo.html", demo());
  const integrity = `sha384-${hash("sha384", "base64")}`;
  const manifest = { version: name.slice("ask0.".length, -".js".length), bundle: name, integrity, snippet };
  writeFileSync(new URL("manifest.json", STATIC), `${JSON.stringify(manifest, null, 2)}\n`);
}

/** One file, so that it needs no routes of its own; the gateway fills in the key and the nonce. */
function demo() {
  const parts = {
    SNIPPET: snippet.replace("__ASK0_HOST__", ""),
    SCRIPT: compile("demo/demo.ts", { format: "iife" }),
    STYLE: compile("demo/demo.css"),
  };
  return read("demo/demo.html").replace(/__(SNIPPET|SCRIPT|STYLE)__/g, (_, part) => parts[part].trim());
}

function write(name, text) {
  const params = { [constants.BROTLI_PARAM_QUALITY]: 11 };
  writeFileSync(new URL(name, STATIC), text);
  writeFileSync(new URL(`${name}.gz`, STATIC), gzipSync(text, { level: 9 }));
  writeFileSync(new URL(`${name}.br`, STATIC), brotliCompressSync(text, { params }));
}

function printSizes() {
  for (const [name, text] of Object.entries({ "ask0.js": bundle, "snippet.js": snippet })) {
    const size = gzipSync(text, { level: 9 }).length;
    console.log(`${name}: ${size} bytes gzip, ${brotliCompressSync(text).length} brotli; budget ${BUDGET[name]} gzip`);
    if (size > BUDGET[name]) process.exitCode = 1;
  }
}

function compile(path, options = {}) {
  const { outputFiles } = buildSync({
    absWorkingDir: new URL(".", import.meta.url).pathname,
    entryPoints: [path],
    bundle: "format" in options || path.endsWith(".css"),
    minify: true,
    target: ["es2021"],
    legalComments: "none",
    charset: "utf8",
    tsconfigRaw: {}, // its `strict` would put "use strict" into every file
    write: false,
    ...options,
  });
  return outputFiles[0].text;
}

function hash(algorithm, encoding) {
  return createHash(algorithm).update(bundle).digest(encoding);
}

function read(path) {
  return readFileSync(new URL(path, import.meta.url), "utf8");
}
