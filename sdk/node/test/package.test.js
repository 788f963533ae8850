/** The package as a program has it: by its name, as ESM and as CommonJS, with types, and with nothing else. */

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import * as esm from "@ask0/node";

const cjs = createRequire(import.meta.url)("@ask0/node");
const ROOT = fileURLToPath(new URL("..", import.meta.url));
const described = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));

test("import and require give the same names", () => {
  assert.deepEqual(Object.keys(esm).sort(), ["Ask0", "Ask0Error", "VERSION"]);
  assert.deepEqual(Object.keys(cjs).sort(), Object.keys(esm).sort());
  assert.equal(new cjs.Ask0({ secretKey: "sk_test", host: "http://127.0.0.1:1" }).queued, 0);
});

test("the version that is sent with events is the package's", () => {
  assert.equal(esm.VERSION, described.version);
});

test("it depends on nothing, and loads only parts of Node", () => {
  assert.equal(described.dependencies, undefined);
  for (const format of ["esm", "cjs"]) {
    const text = readFileSync(new URL(`../dist/${format}/index.js`, import.meta.url), "utf8");
    const loaded = [...text.matchAll(/(?:from |require\()"([^"]+)"/g)].map(([, name]) => name);
    assert.ok(loaded.length >= 3 && loaded.every((name) => name.startsWith("node:")), `${loaded}`);
  }
});

test("what is packed are the two builds with their types", () => {
  const [{ files }] = JSON.parse(
    execFileSync("npm", ["pack", "--dry-run", "--json", "--ignore-scripts"], { cwd: ROOT }),
  );
  const paths = files.map(({ path }) => path);
  for (const { types, default: entry } of Object.values(described.exports["."])) {
    assert.ok(paths.includes(types.slice(2)) && paths.includes(entry.slice(2)));
  }
  assert.deepEqual(paths.filter((path) => !path.startsWith("dist/")).sort(), ["README.md", "package.json"]);
});

for (const [kind, module] of [
  ["an ES module", "NodeNext"],
  ["CommonJS", "NodeNext"],
  ["a bundled program", "Bundler"],
]) {
  test(`the types are those of ${kind}, without any of TypeScript's own of a browser`, () => {
    const extension = kind === "CommonJS" ? "cts" : "mts";
    const file = fileURLToPath(new URL(`consumer/program.${extension}`, import.meta.url));
    const settings = ["--noEmit", "--strict", "--target", "ES2022", "--lib", "ES2022", "--types", "node"];
    const modules =
      module === "Bundler" ? ["--module", "ESNext", "--moduleResolution", "Bundler"] : ["--module", "NodeNext"];
    const tsc = `${ROOT}node_modules/typescript/bin/tsc`;
    execFileSync(process.execPath, [tsc, ...settings, ...modules, "--ignoreConfig", file], { cwd: ROOT });
  });
}
