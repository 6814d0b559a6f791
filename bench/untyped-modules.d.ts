/** What the bench uses of packages that bring no types. */

declare module "oidc-provider" {
  import type { RequestListener } from "node:http";

  export class Provider {
    constructor(issuer: string, configuration: object);
    callback(): RequestListener;
  }
}

declare module "autocannon" {
  import type { EventEmitter } from "node:events";

  export interface Client extends EventEmitter {
    setBody(body: string): void;
    setHeadersAndBody(headers: Readonly<Record<string, string>>, body: string): void;
  }

  export interface Result {
    readonly "2xx": number;
    readonly non2xx: number;
    readonly errors: number;
    /** Seconds. */
    readonly duration: number;
  }

  export interface Options {
    readonly url: string;
    readonly connections: number;
    /** Seconds. */
    readonly duration: number;
    readonly method: "POST";
    readonly headers: Readonly<Record<string, string>>;
    readonly body?: string;
    readonly setupClient?: (client: Client) => void;
  }

  export default function autocannon(
    options: Options,
    done: (error: Error | null, result: Result) => void,
  ): EventEmitter;
}
