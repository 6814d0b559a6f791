/** The built server as a process of its own under attack, with one honest client. */
import { createHash } from "node:crypto";
import { ServerProcess } from "../support/server-process.js";

const SECRET = "secret-of-the-honest-client-0123456789";

/** The form by which the honest client gets a token. */
export const HONEST_FORM = new URLSearchParams({
  grant_type: "client_credentials",
  client_id: "honest",
  client_secret: SECRET,
}).toString();

export function startBuilt(more: Readonly<Record<string, unknown>> = {}): Promise<ServerProcess> {
  const sha256 = createHash("sha256").update(SECRET).digest("hex");
  return ServerProcess.start({ settings: { clients: [{ id: "honest", secrets: [{ sha256 }] }], ...more } });
}

/** The status of a request for a token on a connection of its own. */
export async function tokenStatus({ url }: ServerProcess): Promise<number> {
  const response = await fetch(`${url}/v1/oauth/tokens`, {
    method: "POST",
    headers: { "content-type": "application/x-www-form-urlencoded", connection: "close" },
    body: HONEST_FORM,
  });
  await response.arrayBuffer();
  return response.status;
}

/** How many faults of its own the server has caught, over all places. */
export async function faultsOf({ adminUrl }: ServerProcess): Promise<number> {
  const metrics = await (await fetch(`${adminUrl}/metrics`)).text();
  const counts = [...metrics.matchAll(/^icemint_unexpected_errors_total\{.*\} (\d+)$/gm)].map(([, count]) =>
    Number(count),
  );
  if (counts.length === 0) throw new Error("the server does not count its faults");
  return counts.reduce((sum, count) => sum + count, 0);
}
