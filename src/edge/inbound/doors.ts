/** Where proxies ask, over gRPC and over HTTP: what listens, and how it ends. */
import { once } from "node:events";
import type { AddressInfo, Server } from "node:net";
import type { Verifier } from "../../verifier/verifier.js";
import { createExtAuthz } from "./ext-authz.js";
import { createForwardAuth } from "./forward-auth.js";
import { createJudge, type Verdict } from "./judge.js";
import type { Rule } from "./rules.js";

/** A TCP address, or the path of a Unix socket. */
export type DoorAddress = { readonly host: string; readonly port: number } | { readonly path: string };

export interface DoorSettings {
  /** For Envoy, over gRPC. */
  readonly extAuthz: DoorAddress | undefined;
  /** For other proxies, over HTTP. */
  readonly forwardAuth: DoorAddress | undefined;
  readonly pathHeader: string | undefined;
  readonly rules: readonly Rule[];
  readonly strip: boolean;
}

/** Who asked. */
export type Asker = "ext_authz" | "forward_auth";

export interface DoorDependencies {
  readonly verifier: Pick<Verifier, "verify" | "isReady">;
  readonly onVerdict: (asker: Asker, verdict: Verdict) => void;
  /** Called for faults of ours. */
  readonly onFault: (error: unknown) => void;
}

export interface Doors {
  /** Where it listens, by who asks there. A Unix socket has its path. */
  readonly addresses: ReadonlyMap<Asker, AddressInfo | string>;
  /** Answers what is under way, for at most `graceMs`. */
  close(graceMs: number): Promise<void>;
}

interface Door {
  readonly asker: Asker;
  readonly address: DoorAddress;
  readonly server: Server;
  /** Tells callers to go once they have their answers. */
  readonly drain: () => void;
  readonly destroy: () => void;
}

/** Listens. Rejects if an address cannot be had. */
export async function openDoors(settings: DoorSettings, dependencies: DoorDependencies): Promise<Doors> {
  const doors = doorsOf(settings, dependencies);
  try {
    for (const { server, address } of doors) {
      server.listen(address);
      await once(server, "listening");
    }
  } catch (error) {
    for (const { server } of doors) server.close();
    throw error;
  }
  return {
    addresses: new Map(doors.map(({ asker, server }) => [asker, server.address() ?? ""])),
    async close(graceMs) {
      await Promise.all(doors.map((door) => closed(door, graceMs)));
    },
  };
}

function doorsOf(settings: DoorSettings, { verifier, onVerdict, onFault }: DoorDependencies): readonly Door[] {
  const { rules, strip, pathHeader } = settings;
  const judge = createJudge({ verifier, rules, onFault });
  const verdicts = (asker: Asker) => (verdict: Verdict) => onVerdict(asker, verdict);
  const doors: Door[] = [];
  if (settings.extAuthz !== undefined) {
    const isServing = () => verifier.isReady();
    const extAuthz = createExtAuthz({ judge, strip, onVerdict: verdicts("ext_authz"), isServing });
    doors.push({ asker: "ext_authz", address: settings.extAuthz, ...extAuthz });
  }
  if (settings.forwardAuth !== undefined) {
    const server = createForwardAuth({ judge, pathHeader, onVerdict: verdicts("forward_auth") });
    doors.push({
      asker: "forward_auth",
      address: settings.forwardAuth,
      server,
      drain: () => server.closeIdleConnections(),
      destroy: () => server.closeAllConnections(),
    });
  }
  return doors;
}

async function closed({ server, drain, destroy }: Door, graceMs: number): Promise<void> {
  const done = once(server, "close");
  server.close();
  drain();
  const timer = setTimeout(destroy, graceMs);
  await done;
  clearTimeout(timer);
}
