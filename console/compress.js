/** Compresses what the build made, once, so that the gateway need not; and holds the sizes to their budget. */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

const DIST = new URL("../gateway/console/dist/", import.meta.url);
const FIRST = 110_000; // bytes, gzip -9: of all scripts that the page itself names …
const LATER = 30_000; // … and of each that is loaded when its page is opened

const page = readFileSync(new URL("index.html", DIST), "utf8");
const names = readdirSync(new URL("assets/", DIST)).map((name) => `assets/${name}`);
let first = 0;
for (const name of ["index.html", ...names]) {
  const text = readFileSync(new URL(name, DIST));
  const gzip = gzipSync(text, { level: 9 });
  writeFileSync(new URL(`${name}.gz`, DIST), gzip);
  writeFileSync(
    new URL(`${name}.br`, DIST),
    brotliCompressSync(text, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }),
  );
  if (!name.endsWith(".js")) continue;
  if (page.includes(name)) first += gzip.length;
  else if (gzip.length > LATER) throw new Error(`${name} has ${gzip.length} bytes after gzip, at most are ${LATER}`);
}
if (first > FIRST) throw new Error(`the first scripts have ${first} bytes after gzip, at most are ${FIRST}`);
console.log(`console: ${first} bytes of script at first, after gzip; at most are ${FIRST}`);
