/** The npm package, as a site that bundles it has it. */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { buildSync } from "esbuild";
import { VERSION } from "../dist/version.js";

const WIDGET = fileURLToPath(new URL("..", import.meta.url));

/** A site's own bundle; the package is found by its name, through its `exports`. */
function bundle(contents) {
  const stdin = { contents, resolveDir: WIDGET };
  const { outputFiles } = buildSync({ stdin, bundle: true, minify: true, format: "esm", write: false });
  return outputFiles[0].contents.length;
}

test("the version sent with events is the package's", () => {
  const { version } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));
  assert.equal(VERSION, version);
});

test("a site that imports the version alone bundles nothing else", () => {
  assert.ok(bundle('import { VERSION } from "@ask0/browser"; console.log(VERSION);') < 300);
  assert.ok(bundle('import { createAsk0 } from "@ask0/browser"; console.log(createAsk0);') > 3_000);
});

/** What the compiler says of a file beside types.ts. */
function compile(text) {
  const folder = mkdtempSync(join(tmpdir(), "ask0-types-"));
  try {
    writeFileSync(join(folder, "types.ts"), text.replaceAll("../src/", `${WIDGET}src/`));
    const settings = { extends: `${WIDGET}tsconfig.json`, include: [], files: ["types.ts"] };
    writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(settings));
    const { status, stdout } = spawnSync(process.execPath, [`${WIDGET}node_modules/typescript/bin/tsc`, "-p", folder]);
    return { status, errors: `${stdout}`.match(/error TS\d+/g) ?? [] };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test("the test of the types fails where an expected error is none, and where an error is not expected", () => {
  const text = readFileSync(new URL("types.ts", import.meta.url), "utf8");
  const expected = text.match(/\/\/ @ts-expect-error/g).length;
  assert.deepEqual(compile(text), { status: 0, errors: [] });
  const { status, errors } = compile(`${text}\n// @ts-expect-error It is none.\nask0.track("A");\n`);
  assert.deepEqual([status > 0, errors], [true, ["error TS2578"]]);
  const bare = compile(text.replaceAll("// @ts-expect-error", "//"));
  assert.deepEqual([bare.status > 0, bare.errors.length >= expected], [true, true]);
});
