import { defineConfig } from "vitest/config";

/** Against foreign programs. Each file names what it needs and how to get it; what is missing is skipped, by name. */
export default defineConfig({
  test: {
    include: ["test/**/*.real.test.ts"],
    // A machine that others use too may stop a process for seconds. What needed the second try is named at the end.
    retry: process.env["CI"] === undefined ? 0 : 1,
    // As long as `eventually` waits; see there.
    expect: { poll: { timeout: 5000 } },
    globalSetup: ["test/support/redis-server.ts"],
    reporters: ["default", "./test/support/tally-reporter.ts"],
    // They wait for tokens to expire, and for programs to be built: a second file is run meanwhile.
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
