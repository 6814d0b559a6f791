import { defineConfig } from "vitest/config";

/** What measures the server's memory and waiting times: `npm run test:alone`. Nothing else may run beside it. */
export default defineConfig({
  test: {
    include: ["test/**/*.alone.test.ts"],
    retry: process.env["CI"] === undefined ? 0 : 1,
    globalSetup: ["test/support/redis-server.ts"],
    reporters: ["default", "./test/support/tally-reporter.ts"],
    maxWorkers: 1,
  },
});
