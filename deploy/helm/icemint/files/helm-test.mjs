// What `helm test` runs, inside the service's own image: keys, gRPC health, and a refusal in the form clients can read.
import { connect } from "node:http2";

const { TARGET_HTTP, TARGET_GRPC } = process.env;

async function keys() {
  const answer = await fetch(`${TARGET_HTTP}/.well-known/jwks.json`);
  const body = await answer.json();
  if (answer.status !== 200 || !(body.keys?.length > 0)) throw new Error(`no keys: ${answer.status}`);
  return `${body.keys.length} keys published`;
}

async function refusal() {
  const answer = await fetch(`${TARGET_HTTP}/v1/oauth/tokens`, {
    method: "POST",
    body: new URLSearchParams({ grant_type: "client_credentials" }),
  });
  const body = await answer.json();
  if (answer.status !== 401 || body.error !== "invalid_client") throw new Error(`not refused: ${answer.status} ${body.error}`);
  return "a caller without credentials is refused with invalid_client";
}

function health() {
  return new Promise((resolve, reject) => {
    const session = connect(TARGET_GRPC).on("error", reject);
    const stream = session.request({
      ":method": "POST",
      ":path": "/grpc.health.v1.Health/Check",
      "content-type": "application/grpc",
      te: "trailers",
    });
    const chunks = [];
    stream.setTimeout(5000, () => reject(new Error("gRPC health: no answer in 5 s")));
    stream.on("error", reject);
    stream.on("data", (chunk) => chunks.push(chunk));
    stream.on("end", () => {
      session.close();
      const serving = Buffer.concat(chunks).toString("hex") === "00000000020801";
      if (serving) resolve("gRPC health is SERVING");
      else reject(new Error(`gRPC health: not SERVING (${Buffer.concat(chunks).toString("hex")})`));
    });
    stream.end(Buffer.alloc(5));
  });
}

for (const check of [keys, refusal, health]) console.log(`ok: ${await check()}`);
