/** Builds the console into the gateway's package, which serves it at /console/. */
import { defineConfig } from "vite";

const GATEWAY = "http://127.0.0.1:8080"; // of `make run`, for `npm run dev`

export default defineConfig({
  base: "/console/",
  build: {
    outDir: "../gateway/console/dist",
    emptyOutDir: true,
    assetsInlineLimit: 0, // the policy of the page allows no data: scripts and styles
    modulePreload: { polyfill: false },
    target: "es2022",
    reportCompressedSize: false,
    rolldownOptions: {
      // Libraries mark what is for browsers alone, which all of this is.
      onwarn: (warning, warn) => warning.code !== "MODULE_LEVEL_DIRECTIVE" && warn(warning),
    },
  },
  server: { proxy: { "/v1": GATEWAY } },
});
