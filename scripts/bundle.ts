/**
 * Packs the command into few files. Read as the modules that it is made of, a start takes twice the time and a third more
 * memory. What other programs import (`icemint/verifier`) stays as `tsc` writes it.
 */
import { writeFileSync } from "node:fs";
import { build } from "rolldown";

const common = { platform: "node", transform: { target: "es2024" } } as const;

await build([
  {
    ...common,
    input: "src/main.ts",
    external: /^\.\/cli\//,
    output: { file: "dist/main.js", paths: (id) => id.replace(/^.*\/cli\//, "./bundle/") },
  },
  {
    ...common,
    input: {
      "run-command": "src/cli/run-command.ts",
      "secret-prompt": "src/cli/secret-prompt.ts",
      thread: "src/config/reload/thread.ts",
    },
    output: {
      dir: "dist/bundle",
      cleanDir: true,
      // An ES module that imports `node:http` gets all its exports, and undici with them: 40 ms and 13 MB of a start.
      format: "cjs",
      chunkFileNames: "[name].js",
      comments: { legal: true, annotation: false, jsdoc: false },
    },
  },
]);
writeFileSync("dist/bundle/package.json", '{"type":"commonjs"}\n');
