/** Finds the command that was typed. Each is a file of its own, loaded only when it is called. */
import { randomBytes } from "node:crypto";
import type { Command, CommandContext } from "./command.js";
import { VERSION } from "./version.js";

interface Entry {
  /** The words that call it. */
  readonly words: readonly string[];
  readonly summary: string;
  readonly load: () => Promise<Command>;
}

const clock = (): number => Date.now();

const COMMANDS: readonly Entry[] = [
  {
    words: ["serve"],
    summary: "serve [--config FILE]     run the server (--workers N: on N cores)",
    load: async () => {
      const { USAGE, serve } = await import("./serve.js");
      return { usage: USAGE, run: serve };
    },
  },
  {
    words: ["edge"],
    summary: "edge --config FILE        keep tokens beside an engine, and judge those of requests",
    load: async () => {
      const { USAGE, edge } = await import("./edge.js");
      return { usage: USAGE, run: edge };
    },
  },
  {
    words: ["client", "new"],
    summary: "client new ID             print a new secret once, and the YAML to paste",
    load: async () => {
      const { USAGE, clientNew } = await import("./client-new.js");
      return { usage: USAGE, run: (context) => clientNew({ ...context, randomBytes }) };
    },
  },
  {
    words: ["check-config"],
    summary: "check-config FILE         say everything that is wrong with the settings",
    load: async () => {
      const { USAGE, checkConfig } = await import("./check-config.js");
      const { localDiskAndPipes } = await import("../config/reading/disk.js");
      return { usage: USAGE, run: (context) => checkConfig({ ...context, disk: localDiskAndPipes, clock }) };
    },
  },
  {
    words: ["workloads", "try"],
    summary: "workloads try FILE        say which workload rule matches a token, and why others do not",
    load: async () => {
      const { USAGE, workloadsTry } = await import("./workloads-try.js");
      const { localDiskAndPipes } = await import("../config/reading/disk.js");
      return { usage: USAGE, run: (context) => workloadsTry({ ...context, disk: localDiskAndPipes, clock }) };
    },
  },
  {
    words: ["token"],
    summary: "token                     get a token, by gRPC",
    load: async () => {
      const { USAGE, token } = await import("./token.js");
      return { usage: USAGE, run: token };
    },
  },
  {
    words: ["revoke"],
    summary: "revoke WHAT               revoke a token, session, subject, client or everything, by gRPC",
    load: async () => {
      const { USAGE, revoke } = await import("./revoke.js");
      return { usage: USAGE, run: revoke };
    },
  },
  {
    words: ["keys"],
    summary: "keys list|rotate|revoke   manage the signing keys, by gRPC",
    load: async () => {
      const { USAGE, keys } = await import("./keys.js");
      return { usage: USAGE, run: keys };
    },
  },
  {
    words: ["explain"],
    summary: "explain ID                say from a log why a request was refused, and what to do",
    load: async () => {
      const { USAGE, explain } = await import("./explain.js");
      return { usage: USAGE, run: (context) => explain({ ...context, clock }) };
    },
  },
  {
    words: ["clients", "list"],
    summary: "clients list              show clients, their secrets, last use and refusals, by gRPC",
    load: async () => {
      const { USAGE, clientsList } = await import("./clients-list.js");
      return { usage: USAGE, run: clientsList };
    },
  },
  {
    words: ["revocations", "list"],
    summary: "revocations list          show what is revoked and still in force, by gRPC",
    load: async () => {
      const { USAGE, revocationsList } = await import("./revocations-list.js");
      return { usage: USAGE, run: revocationsList };
    },
  },
  {
    words: ["doctor"],
    summary: "doctor URL                say what Iceberg clients would suffer at a token endpoint",
    load: async () => {
      const { USAGE, doctor } = await import("./doctor.js");
      return { usage: USAGE, run: doctor };
    },
  },
];

function usage(): string {
  return [
    `icemint ${VERSION}: tokens for Iceberg REST clients and gRPC services`,
    "",
    "usage: icemint COMMAND",
    ...COMMANDS.map(({ summary }) => `  ${summary}`),
    "",
  ].join("\n");
}

/** Runs what was typed and resolves with the exit code: 2 for a command that does not exist. */
export async function runCommand(context: CommandContext): Promise<number> {
  const { args, stdout, stderr } = context;
  if (args.length === 0 || asksForHelp(args[0]) || args[0] === "help") {
    (args.length === 0 ? stderr : stdout).write(usage());
    return args.length === 0 ? 2 : 0;
  }
  if (args[0] === "--version") {
    stdout.write(`${VERSION}\n`);
    return 0;
  }
  // What follows `--` is not for us to read.
  const helpAsked = args.slice(0, args.includes("--") ? args.indexOf("--") : undefined).some(asksForHelp);
  const entry = COMMANDS.find(({ words }) => words.every((word, i) => isWord(args[i], word)));
  if (entry === undefined && helpAsked && COMMANDS.some(({ words }) => isWord(args[0], words[0]))) {
    stdout.write(usage());
    return 0;
  }
  if (entry === undefined) {
    stderr.write(`icemint: there is no command '${args.slice(0, 2).join(" ")}'\n\n${usage()}`);
    return 2;
  }
  const command = await entry.load();
  if (helpAsked) {
    stdout.write(command.usage);
    return 0;
  }
  return command.run({ ...context, args: args.slice(entry.words.length) });
}

/** Nobody remembers which commands are in the plural: `client list` is `clients list`. */
function isWord(typed: string | undefined, word: string | undefined): boolean {
  return typed?.replace(/s$/, "") === word?.replace(/s$/, "");
}

function asksForHelp(argument: string | undefined): boolean {
  return argument === "--help" || argument === "-h";
}
