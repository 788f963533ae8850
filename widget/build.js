/** Builds what the gateway serves (gateway/static); with --sizes only holds the sizes against the budget. */

import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { buildSync } from "esbuild";
import { minify } from "terser";

const STATIC = new URL("../gateway/static/", import.meta.url);
const BUDGET = { "ask0.js": 2_300, "auto.js": 2_700, "more.js": 1_200, "snippet.js": 250 }; // bytes, gzip -9

const { version } = JSON.parse(read("package.json"));
const more = await compile("src/more.ts", "esm");
const moreName = `more.${short(more)}.js`;
const names = { __MORE__: JSON.stringify(moreName) };
const bundle = await compile("src/script.ts", "iife", names);
const auto = await compile("src/auto.ts", "iife", names);
const snippet = (await compile("src/snippet.ts")).replace(/;?\n*$/, "");

if (process.argv.includes("--sizes")) printSizes();
else await writeStatic();

async function writeStatic() {
  const release = `${version}-${short(bundle + auto + more)}`;
  mkdirSync(STATIC, { recursive: true });
  for (const old of readdirSync(STATIC)) {
    if (/^(ask0|auto|more|snippet|demo|manifest)\b/.test(old)) rmSync(new URL(old, STATIC));
  }
  write("ask0.js", bundle);
  write(`ask0.${release}.js`, bundle);
  write("auto.js", auto);
  write(`auto.${release}.js`, auto);
  write(moreName, more);
  write("snippet.js", snippet);
  write("demo.html", await demo());
  const manifest = {
    version: release,
    bundle: `ask0.${release}.js`,
    integrity: integrity(bundle),
    auto: `auto.${release}.js`,
    autoIntegrity: integrity(auto),
    more: moreName,
    moreIntegrity: integrity(more),
    snippet,
  };
  writeFileSync(new URL("manifest.json", STATIC), `${JSON.stringify(manifest, null, 2)}\n`);
}

/** One file, so that it needs no routes of its own; the gateway fills in the key and the nonce. */
async function demo() {
  const parts = {
    SNIPPET: snippet.replace("__ASK0_HOST__", ""),
    SCRIPT: await compile("demo/demo.ts", "iife"),
    STYLE: bundleText("demo/demo.css", { minify: true }),
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
  for (const [name, text] of Object.entries({ "ask0.js": bundle, "auto.js": auto, "more.js": more, "snippet.js": snippet })) {
    const size = gzipSync(text, { level: 9 }).length;
    console.log(`${name}: ${size} bytes gzip, ${brotliCompressSync(text).length} brotli; budget ${BUDGET[name]} gzip`);
    if (size > BUDGET[name]) process.exitCode = 1;
  }
}

/** esbuild puts the modules together, terser makes them small: a tenth smaller than esbuild alone does. */
async function compile(path, format, define = {}) {
  const text = bundleText(path, { format, bundle: !!format, define });
  const compress = { ecma: 2020, passes: 3, inline: 1, hoist_funs: true, pure_getters: true, unsafe_arrows: true };
  const module = format === "esm";
  const { code } = await minify(text, { ecma: 2020, module, toplevel: !!format, compress });
  return code;
}

function bundleText(path, options) {
  const { outputFiles } = buildSync({
    absWorkingDir: new URL(".", import.meta.url).pathname,
    entryPoints: [path],
    bundle: true,
    target: ["es2020"],
    legalComments: "none",
    charset: "utf8",
    tsconfigRaw: {}, // its `strict` would put "use strict" into every file
    write: false,
    ...options,
  });
  return outputFiles[0].text;
}

function short(text) {
  return createHash("sha256").update(text).digest("hex").slice(0, 6);
}

function integrity(text) {
  return `sha384-${createHash("sha384").update(text).digest("base64")}`;
}

function read(path) {
  return readFileSync(new URL(path, import.meta.url), "utf8");
}
