/**
 * Finds out whether a connection fails because one side speaks TLS and the other does not: neither side says so. It asks
 * the port once in the other way, and sends nothing but PING or a TLS greeting.
 */
import { connect as connectInClear } from "node:net";
import { connect as connectByTls } from "node:tls";

const PROBE_TIMEOUT_MS = 500;
/** How a mismatch looks: Redis waits for the rest of a greeting, or hangs up at a word in clear. */
const AMBIGUOUS = /\b(ETIMEDOUT|ECONNRESET|EPIPE)\b/;

export interface ProbedPort {
  readonly host: string;
  readonly port: number;
  /** Whether icemint speaks TLS to it. */
  readonly hasTls: boolean;
}

/** Explains errors of connections to one port. The first answer is the error itself; a later one may know more. */
export function createTlsMismatch(port: ProbedPort): { explain(error: unknown): unknown; forget(): void } {
  let isProbing = false;
  let found: Error | undefined;
  const probe = async (): Promise<void> => {
    if (isProbing) return;
    isProbing = true;
    const answers = await (port.hasTls ? answersInClear(port) : answersByTls(port));
    if (answers) found = new Error(describe(port));
    isProbing = false;
  };
  return {
    explain(error) {
      if (
        !(error instanceof Error) ||
        !AMBIGUOUS.test(`${"code" in error ? String(error.code) : ""} ${error.message}`)
      ) {
        return error;
      }
      void probe();
      return found ?? error;
    },
    forget() {
      found = undefined;
    },
  };
}

function describe({ hasTls }: ProbedPort): string {
  return hasTls
    ? "TLS handshake failed: the port answers without TLS"
    : "TLS handshake missing: the port answers by TLS only";
}

function answersInClear({ host, port }: ProbedPort): Promise<boolean> {
  const socket = connectInClear({ host, port });
  socket.write("PING\r\n");
  return new Promise((resolve) => {
    const end = (answers: boolean) => (): void => {
      socket.destroy();
      resolve(answers);
    };
    socket.once("data", (data: Buffer) => end(/^[+-]/.test(data.toString("latin1")))());
    socket.on("error", end(false)).once("close", end(false)).setTimeout(PROBE_TIMEOUT_MS, end(false));
  });
}

function answersByTls({ host, port }: ProbedPort): Promise<boolean> {
  // Whose certificate it is does not matter: nothing is sent.
  const socket = connectByTls({ host, port, rejectUnauthorized: false });
  return new Promise((resolve) => {
    const end = (answers: boolean) => (): void => {
      socket.destroy();
      resolve(answers);
    };
    socket.once("secureConnect", end(true));
    socket.on("error", (error: Error) => end("code" in error && /^ERR_SSL_.*ALERT/.test(String(error.code)))());
    socket.once("close", end(false)).setTimeout(PROBE_TIMEOUT_MS, end(false));
  });
}
