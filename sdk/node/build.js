/** Puts the modules together, as ESM and as CommonJS; each has the types that tsc has written, beside it. */

import { cpSync, writeFileSync } from "node:fs";
import { buildSync } from "esbuild";

for (const format of ["esm", "cjs"]) {
  buildSync({
    absWorkingDir: new URL(".", import.meta.url).pathname,
    entryPoints: ["src/index.ts"],
    bundle: true,
    platform: "node",
    target: "node18",
    format,
    outfile: `dist/${format}/index.js`,
  });
}
const dist = new URL("dist/", import.meta.url);
cpSync(new URL("esm/", dist), new URL("cjs/", dist), { recursive: true, filter: (path) => !path.endsWith("index.js") });
writeFileSync(new URL("cjs/package.json", dist), '{ "type": "commonjs" }\n');
