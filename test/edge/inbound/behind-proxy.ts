/** What stands behind a proxy in the tests: the inbound half of an edge, and a service. */
import { type Doors, openDoors } from "../../../src/edge/inbound/doors.js";
import type { UpstreamRequest } from "../support/upstream.js";
import type { LoadedVerifier } from "./loaded-verifier.js";

const RULES = [{ path: "/v1/admin/*", scopes: ["read"] }];
/** The characters that CGI, WSGI and PHP make one. */
const folded = (name: string): string => name.replaceAll(/[^a-z0-9]/g, "-");

export function startEdge({ verifier }: LoadedVerifier): Promise<Doors> {
  const address = { host: "127.0.0.1", port: 0 };
  const settings = {
    extAuthz: address,
    forwardAuth: address,
    pathHeader: "x-forwarded-uri",
    rules: RULES,
    strip: false,
  };
  const onFault = (error: unknown): void => {
    throw error;
  };
  return openDoors(settings, { verifier, onVerdict: () => {}, onFault });
}

export const portOf = ({ addresses }: Doors, asker: "ext_authz" | "forward_auth"): number =>
  Number(addresses[asker]?.split(":")[1]);

/** What a service sees of who calls, under whatever names. */
export function identityIn({ fields }: UpstreamRequest): Record<string, string[]> {
  const seen: Record<string, string[]> = {};
  for (const [name, value] of fields)
    if (folded(name).startsWith("x-icemint-")) (seen[folded(name)] ??= []).push(value);
  return seen;
}
