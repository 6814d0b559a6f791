/**
 * Owns the rules between settings other than clients and issuers, such as "publish_ahead is shorter than rotate_every".
 * Judges values with their defaults. A rule of one value alone stands in `schema.ts`.
 */
import { BlockList, isIP } from "node:net";
import { AUTHORIZATION_PATH, INTROSPECTION_PATH, REVOCATION_PATH } from "../oauth/paths.js";
import { MINUTE, SECOND } from "../time/clock.js";
import type { Config } from "./config.js";
import { spellDuration } from "./reading/duration.js";
import { isCleartext } from "./reading/listen-address.js";
import { type Findings, type Spot, inside } from "./reading/problem.js";

/** As many retired keys at most may be in the JWKS: verifiers refuse larger documents than about 256 KiB. */
const MAX_PUBLISHED_KEYS = 1000;

/** Paths that are served already. */
const RESERVED_PATHS: readonly string[] = ["/", AUTHORIZATION_PATH, REVOCATION_PATH, INTROSPECTION_PATH];
const RESERVED_PREFIXES = /^\/(?:\.well-known\/|icemint\.v1\.|grpc\.)/;

type Settings = Pick<Config, "tokens" | "keys" | "http" | "redis">;

/** Checks them as they will be used, defaults included. `root` is the settings file's root. */
export function checkSettings(settings: Settings, root: Spot, findings: Findings): void {
  checkTokens(settings, inside(root, "tokens"), findings);
  checkKeys(settings, inside(root, "keys"), findings);
  checkHttp(settings, inside(root, "http"), findings);
}

function checkTokens({ tokens }: Settings, at: Spot, findings: Findings): void {
  const session = spellDuration(tokens.sessionTtlMs);
  if (tokens.accessTtlMs > tokens.sessionTtlMs) {
    findings.warning(inside(at, "access_ttl"), `is longer than session_ttl (${session}), which ends every token`);
  }
  if (tokens.refreshGraceMs > tokens.refreshIdleMs) {
    findings.warning(inside(at, "refresh_grace"), "is longer than refresh_idle, which ends it");
  }
}

function checkKeys({ keys, tokens, redis }: Settings, at: Spot, findings: Findings): void {
  if (keys.files.length > 0 && keys.vault !== undefined) {
    findings.problem(at, "must not have both files and vault: there is one source of keys");
  }
  if (keys.cacheFile !== undefined && redis === undefined) {
    findings.warning(inside(at, "cache_file"), "has no effect without redis");
  }
  if (keys.vault !== undefined && isCleartext(keys.vault.url)) {
    findings.warning(inside(at, "vault", "url"), "is reached in clear: its token can be read on the way");
  }
  if (keys.files.length > 0 || keys.vault !== undefined) return;
  const rotate = spellDuration(keys.rotateEveryMs);
  if (keys.publishAheadMs >= keys.rotateEveryMs) {
    const reason = `must be shorter than rotate_every (${rotate}): the next key is published while this one signs`;
    findings.problem(inside(at, "publish_ahead"), reason, "15m");
  }
  const published = Math.ceil(tokens.accessTtlMs / keys.rotateEveryMs);
  if (published > MAX_PUBLISHED_KEYS) {
    const reason = `would keep ${published} retired keys published for tokens.access_ttl; at most ${MAX_PUBLISHED_KEYS} can be`;
    findings.problem(inside(at, "rotate_every"), reason, "30d");
  }
  if (keys.rotateEveryMs < 5 * MINUTE || keys.publishAheadMs < MINUTE) {
    const ahead = spellDuration(Math.max(SECOND, keys.publishAheadMs));
    findings.warning(
      at,
      `rotate within seconds or minutes: verifiers that cache keys for longer than ${ahead} will fail`,
    );
  }
}

function checkHttp({ http }: Settings, at: Spot, findings: Findings): void {
  for (const [index, path] of http.tokenPaths.entries()) {
    if (RESERVED_PATHS.includes(path) || RESERVED_PREFIXES.test(path)) {
      findings.problem(
        inside(at, "token_paths", index),
        "is served for something else",
        "/api/catalog/v1/oauth/tokens",
      );
    }
  }
  for (const [index, block] of http.trustedProxies.entries()) {
    const here = inside(at, "trusted_proxies", index);
    if (!isAddressBlock(block)) findings.problem(here, "must be an address or a CIDR block", "10.0.0.0/8");
    else if (block.endsWith("/0")) findings.warning(here, "believes everyone: any caller can choose its address");
  }
}

/** Whether a string is an IP address, or a block in CIDR notation. */
function isAddressBlock(text: string): boolean {
  const [address = "", prefix, ...rest] = text.split("/");
  const family = isIP(address);
  if (family === 0 || rest.length > 0) return false;
  if (prefix === undefined) return true;
  if (!/^\d{1,3}$/.test(prefix)) return false;
  try {
    new BlockList().addSubnet(address, Number(prefix), family === 6 ? "ipv6" : "ipv4");
    return true;
  } catch {
    return false;
  }
}
