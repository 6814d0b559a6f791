/** Where proxies ask, over gRPC and over HTTP: what listens, and how it ends. */
import { once } from "node:events";
import type { Server } from "node:net";
import { spellListenAddress, type ListenAddress } from "../../config/reading/listen-address.js";
import type { Verifier } from "../../verifier/verifier.js";
import { createExtAuthz } from "./ext-authz.js";
import { createForwardAuth } from "./forward-auth.js";
import { createJudge, type Verdict } from "./judge.js";
import type { Rule } from "./rules.js";

export interface DoorSettings {
  /** For Envoy, over gRPC. */
  readonly extAuthz: ListenAddress | undefined;
  /** For other proxies, over HTTP. */
  readonly forwardAuth: ListenAddress | undefined;
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
  /** `host:port`, by who asks there. */
  readonly addresses: Readonly<Partial<Record<Asker, string>>>;
  /** Accepts no new connection, answers what is under way, for at most `graceMs`, and ends. May be called again. */
  close(graceMs: number): Promise<void>;
}

interface Door {
  readonly asker: Asker;
  readonly address: ListenAddress;
  readonly server: Server;
  /** Tells callers to go once they have their answers. */
  readonly drain: () => void;
  readonly destroy: () => void;
}

/** Listens. Rejects if an address cannot be had. */
export async function openDoors(settings: DoorSettings, dependencies: DoorDependencies): Promise<Doors> {
  const doors = doorsOf(settings, dependencies);
  const ended = Promise.all(doors.map(({ server }) => new Promise((done) => server.once("close", done))));
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
    addresses: Object.fromEntries(doors.map(({ asker, server }) => [asker, boundAddress(server)])),
    async close(graceMs) {
      for (const { server, drain } of doors) {
        server.close();
        drain();
      }
      const timer = setTimeout(() => doors.forEach(({ destroy }) => destroy()), graceMs);
      await ended;
      clearTimeout(timer);
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

function boundAddress(server: Server): string {
  const bound = server.address();
  if (bound === null || typeof bound === "string") throw new Error("the server has no address");
  return spellListenAddress({ host: bound.address, port: bound.port });
}
