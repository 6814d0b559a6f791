import { configDefaults, defineConfig } from "vitest/config";

/**
 * What needs Node and Redis alone. What runs foreign programs is in `*.real.test.ts`: `npm run test:real`. What measures,
 * and must run by itself, is in `*.alone.test.ts`: `npm run test:alone`.
 */
export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    exclude: [...configDefaults.exclude, "**/*.real.test.ts", "**/*.alone.test.ts"],
    // A machine that others use too may stop a process for seconds. What needed the second try is named at the end.
    retry: process.env["CI"] === undefined ? 0 : 1,
    // As long as `eventually` waits; see there.
    expect: { poll: { timeout: 5000 } },
    globalSetup: ["test/support/redis-server.ts"],
    reporters: ["default", "./test/support/tally-reporter.ts"],
    testTimeout: 20_000,
    hookTimeout: 30_000,
  },
});
