import { isIP } from "node:net";
import { addressBlock } from "../limits/address-block.js";
import { toBlockList } from "./peer-address.js";

const LOOPBACK = ["127.0.0.0/8", "::1/128"];

/** Bounds the connections of one address, or of one /64 of IPv6. */
export class AddressLimit {
  readonly #most: number;
  readonly #counts = new Map<string, number>();
  readonly #exempt: (address: string) => boolean;

  /** Loopback and trusted proxies are exempt: many callers stand behind each. */
  constructor(most: number, trustedProxies: readonly string[]) {
    this.#most = most;
    const exempt = toBlockList([...LOOPBACK, ...trustedProxies]);
    this.#exempt = (address) => exempt.check(address, isIP(address) === 6 ? "ipv6" : "ipv4");
  }

  /** Returns a function that gives the place back, to be called once. Returns undefined if there is no place. */
  enter(address: string | undefined): (() => void) | undefined {
    if (address === undefined) return undefined; // the peer is gone already
    if (this.#exempt(address)) return () => {};
    const block = addressBlock(address);
    const count = this.#counts.get(block) ?? 0;
    if (count >= this.#most) return undefined;
    this.#counts.set(block, count + 1);
    return () => this.#leave(block);
  }

  #leave(block: string): void {
    const left = (this.#counts.get(block) ?? 1) - 1;
    if (left > 0) this.#counts.set(block, left);
    else this.#counts.delete(block);
  }
}
