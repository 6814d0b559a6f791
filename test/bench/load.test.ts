import { describe, expect, it } from "vitest";
import { readWrk } from "../../bench/load-http1.js";

const OUTPUT = `Running 2s test @ http://127.0.0.1:1/v1/oauth/tokens
  1 threads and 32 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     3.55ms    1.02ms  14.30ms   85.21%
    Req/Sec     8.97k   640.11     9.92k    65.00%
  Latency Distribution
     50%  750.00us
     75%    3.90ms
     90%    4.53ms
     99%    1.20s 
  17866 requests in 2.01s, 15.99MB read
Requests/sec:   8899.63
Transfer/sec:      7.97MB
`;

describe("what wrk prints", () => {
  it("is read as requests and latencies, whatever their unit", () => {
    expect(readWrk(OUTPUT, 2)).toEqual({ requests: 17_866, failures: 0, seconds: 2, p50Ms: 0.75, p99Ms: 1200 });
  });

  it("tells refusals and broken connections apart from requests", () => {
    const broken = `${OUTPUT}  Socket errors: connect 1, read 2, write 3, timeout 4\n  Non-2xx or 3xx responses: 100\n`;
    expect(readWrk(broken, 2)).toMatchObject({ requests: 17_766, failures: 110 });
  });
});
