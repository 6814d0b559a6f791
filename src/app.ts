/**
 * The composition root. It turns settings into a running server: it opens the shared state, joins the core to the
 * transports, and owns the order of starting. It must not know a rule of a grant.
 */
import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createActivity } from "./app/activity.js";
import { revocationsOfChange } from "./app/client-changes.js";
import { type Core, createCore } from "./app/core.js";
import { announcingKeys } from "./app/key-operations.js";
import { collectInLulls, nodeCollector } from "./app/lull-collection.js";
import { LiveSettings } from "./app/live-settings.js";
import { changeOfSettings } from "./app/settings-change.js";
import { readinessParts } from "./app/readiness.js";
import { type SharedState, openSharedState } from "./app/shared-state.js";
import { createStatus, statusFor } from "./app/status.js";
import { Teardown } from "./app/teardown.js";
import { openTelemetry } from "./app/telemetry.js";
import type { Config, ReloadableConfig } from "./config/config.js";
import type { ListenAddress } from "./config/reading/listen-address.js";
import { createFailedLoginLimiter } from "./limits/limiter.js";
import type { Clock } from "./time/clock.js";
import type { Events } from "./oauth/events.js";
import { pooledRandomId } from "./crypto/random-id.js";
import { watchEventLoop } from "./telemetry/event-loop-lag.js";
import type { LogSink } from "./telemetry/log-sink.js";
import type { Logger } from "./telemetry/logger.js";
import type { ReloadTrigger } from "./telemetry/settings-record.js";
import { createJsonFetcher } from "./issuers/fetch-json.js";
import { createIssuerKeys } from "./issuers/keys.js";
import { ASYMMETRIC_ALGORITHMS } from "./jwt/jwk-set.js";
import { createAdminServer } from "./transport/admin.js";
import { TOKEN_PATH } from "./oauth/paths.js";
import { type ConnectionCounts, type DrainTimes, createServer } from "./transport/server.js";

const readText = (path: string): Promise<string> => readFile(path, "utf8");

export interface AppOptions {
  readonly config: Config;
  readonly version: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly sink: LogSink;
}

export interface App {
  readonly address: ListenAddress;
  readonly adminAddress: ListenAddress;
  /** Whether the shared state answered at the start, and what keeps it from all its work. */
  readonly storageHealth: Pick<ReturnType<SharedState["storage"]["health"]>, "state" | "trouble" | "warnings">;
  /** Whether there was a key to sign with at the start. */
  readonly keysLoaded: boolean;
  /** Applies the settings that may change at run time. Sessions of removed and disabled clients end. */
  reload(config: ReloadableConfig, trigger: ReloadTrigger): void;
  /** Records that changed settings were refused, and why. */
  reloadFailed(trigger: ReloadTrigger, problems: readonly string[]): void;
  /** Logs and counts an error that no guard caught. */
  unexpectedError(error: unknown): void;
  /** Stops without losing a request. */
  drain(times: DrainTimes): Promise<void>;
  /** Stops at once. */
  close(): Promise<void>;
}

/**
 * Rejects if the server cannot start: the address is in use, or the keys or the certificate cannot be read. The message
 * is one line for a person.
 */
export async function startApp(options: AppOptions): Promise<App> {
  const teardown = new Teardown();
  try {
    return await start(options, teardown);
  } catch (error) {
    await teardown.run();
    throw error;
  }
}

async function start(options: AppOptions, teardown: Teardown): Promise<App> {
  const { config, clock, logger } = options;
  const state = await openSharedState(options, teardown);
  const { storage, keys, table, feed } = state;
  const settings = new LiveSettings(config);
  const collector = nodeCollector();
  teardown.use(collectInLulls({ collect: collector.all }), (lulls) => lulls[Symbol.dispose]());
  const loop = teardown.use(watchEventLoop(), (watch) => watch[Symbol.dispose]());
  const connections = (): ConnectionCounts => server.connections();
  const parts = () => readinessParts({ keys, storage, table, settings, config, accepting: server.accepting() });
  const { activity, operatorView } = createActivity({ ...options, state, settings, parts });
  const sources = { ...options, state, registry: settings, loop, connections, activity };
  const { events, metrics } = openTelemetry(sources, teardown);
  const core = openCore({ config, clock, logger, state, settings, events });

  const server = createServer({
    listen: config.listen,
    issuer: config.issuer,
    http: config.http,
    limits: config.limits,
    tokenEndpoint: core.tokens,
    revocationEndpoint: core.revocation,
    introspectionEndpoint: core.introspection,
    operators: core.operators,
    operatorView,
    keyOperations: announcingKeys(keys.ring, storage.revocations),
    keyRing: keys.ring,
    feed,
    events,
    assertionAlgorithms: [...ASYMMETRIC_ALGORITHMS],
    scopesSupported: () => settings.scopes(),
    ready: () => parts().every((part) => part.state !== "failing"),
    overloaded: () => loop.overloaded(),
    collector,
    logger,
    clock,
  });
  teardown.defer(() => server.close());
  const page = createStatus({
    issuer: config.issuer,
    registry: settings,
    activity,
    keys: keys.ring,
    table,
    parts,
    clock,
  });
  const admin = createAdminServer({
    listen: config.adminListen,
    parts,
    metrics: { contentType: metrics.contentType, read: () => metrics.exposition() },
    status: statusFor(config, core.operators, page),
    onFault: (place, error) => events.unexpectedError(place, error),
  });
  const adminAddress = await admin.listen();
  teardown.defer(() => admin.close());
  const address = await server.listen();
  teardown.defer(activity.begin());
  const health = storage.health();

  return {
    address,
    adminAddress,
    storageHealth: health,
    keysLoaded: keys.loaded(),
    reload(next, trigger) {
      const before = settings.snapshot();
      settings.replace(next);
      const after = settings.snapshot();
      for (const revocation of revocationsOfChange(before.clients, after.clients, storage.revocations, table)) {
        state.revokeEventually(revocation, undefined);
      }
      changeOfSettings(before, after).then(
        (change) => events.settingsReloaded(trigger, change),
        (error: unknown) => events.unexpectedError("timer", error),
      );
    },
    reloadFailed(trigger, problems) {
      settings.refuse(problems);
      events.settingsRefused(trigger, problems);
    },
    unexpectedError: (error) => events.unexpectedError("process", error),
    async drain(times) {
      await server.drain(times);
      await teardown.run();
    },
    close: () => teardown.run(),
  };
}

function openCore(of: {
  readonly config: Config;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly state: SharedState;
  readonly settings: LiveSettings;
  readonly events: Events;
}): Core {
  const { config, clock, logger, state, settings, events } = of;
  const { storage, keys, table, revokeEventually, stopping } = state;
  const limiter = createFailedLoginLimiter({
    policy: config.limits.failures,
    clock,
    failedLogins: storage.failedLogins,
  });
  storage.failedLogins.follow((key, count) => limiter.merge(key, count), stopping);
  return createCore({
    config: { ...config, tokenPaths: [TOKEN_PATH, ...config.http.tokenPaths] },
    registry: settings,
    trustedIssuers: () => settings.trustedIssuers,
    storage,
    revocationView: table,
    revokeEventually,
    keys: keys.ring,
    issuerKeys: createIssuerKeys({
      fetchJson: createJsonFetcher({ readFile: readText }),
      readFile: readText,
      clock,
      onFailure: ({ at }, error) =>
        logger.warn("keys of a trusted issuer could not be loaded", { source: at, err: error }),
    }),
    limiter,
    events,
    clock,
    randomId: pooledRandomId(),
    random: randomBytes,
  });
}
