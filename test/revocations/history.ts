/** Runs a history on replicas and on the model, and says where the two disagree. */
import type { Credentials, GrantParameters } from "../../src/oauth/request.js";
import type { TokenResponse } from "../../src/oauth/response.js";
import { CALLER, EXCHANGE, IDP, ISSUER, byBearer, byPost, idpToken, unsecuredToken } from "../support/core.js";
import { OPERATOR, ask, clientsOf, exchangeOf, kidOf, sidOf, toggled } from "./asking.js";
import {
  type ModelRevocation,
  type ModelSession,
  type ModelSettings,
  RevocationModel,
  hasEnded,
  isLapsed,
} from "./model.js";
import { IDS, REPLICAS, type Step } from "./steps.js";
import { type Replica, type SharedState, World } from "./world.js";

/** Clocks are off by up to 10 s, and a session may be dated a few seconds ahead: near an end nothing is asserted. */
const MARGIN = 90;

/** A token that was issued, and the session that it is of. */
interface Issued {
  readonly token: string;
  readonly holder: string;
  readonly expiresAt: number;
  readonly kid: string;
  readonly session: ModelSession;
}

/** The newest refresh token of a session. */
interface Family {
  refreshToken: string;
  readonly holder: string;
  readonly session: ModelSession;
}

/** Runs a history, and says in words where something is alive that must be dead, or the reverse. */
export async function runHistory(state: SharedState, steps: readonly Step[]): Promise<readonly string[]> {
  const history = await History.begin(state);
  try {
    for (const [index, step] of steps.entries()) {
      await history.take(step);
      const wrong = await history.disagreements();
      if (wrong.length > 0) return wrong.map((text) => `after step ${index} (${JSON.stringify(step)}): ${text}`);
    }
    return [];
  } finally {
    await history.close();
  }
}

class History {
  readonly #world: World;
  readonly #model = new RevocationModel();
  readonly #tokens: Issued[] = [];
  readonly #families: Family[] = [];
  #settings: { -readonly [K in keyof ModelSettings]: ModelSettings[K] } = {
    clients: new Set([...IDS, OPERATOR.id]),
    actors: new Set(IDS),
    unsecured: new Set(IDS),
    issuerTrusted: true,
  };

  private constructor(world: World) {
    this.#world = world;
  }

  static async begin(state: SharedState): Promise<History> {
    const all = { clients: new Set<string>(IDS), actors: new Set<string>(IDS), unsecured: new Set<string>(IDS) };
    return new History(await World.begin(state, clientsOf(all), REPLICAS));
  }

  close(): Promise<void> {
    return this.#world.close();
  }

  async take(step: Step): Promise<void> {
    const world = this.#world;
    switch (step.do) {
      case "login":
        return this.#login(world.replica(step.replica), step.client);
      case "user":
        return this.#user(step);
      case "delegate":
        return this.#delegate(world.replica(step.replica), this.#token(step.token));
      case "refresh":
        return this.#refresh(world.replica(step.replica), step.token, step.way);
      case "revoke":
        return this.#revoke(world.replica(step.replica), step.token, step.kind);
      case "settings":
        return this.#change(step.what, step.client);
      case "rotate":
        return world.rotateKey();
      case "pass":
        return world.pass(step.seconds);
      case "restart":
        return world.canRestart ? world.restart(step.replica, step) : undefined;
      case "lose":
        return world.loseWrites();
    }
  }

  /** Where the replicas and the model disagree. */
  async disagreements(): Promise<readonly string[]> {
    const wrong: string[] = [];
    for (const replica of this.#world.replicas) {
      for (const issued of this.#tokens) {
        const { session, holder } = issued;
        const isActive = await this.#isActive(replica, issued.token);
        const verdict = this.#verdictOn(issued, replica);
        if (verdict === "live" && !isActive) wrong.push(`${nameOf(issued)} must live`);
        if (verdict === "dead" && isActive) wrong.push(`${nameOf(issued)} must be dead`);
        if (verdict !== "dead" && !isLapsed(session, this.#settings)) continue;
        if (isOwn(session) && verdict !== "dead") continue;
        const { token } = issued;
        if (await this.#goesOn(replica, exchangeOf(token), byBearer(token), session))
          wrong.push(`${nameOf(issued)}: Bearer`);
        if (await this.#goesOn(replica, exchangeOf(token), byPost(holder), session))
          wrong.push(`${nameOf(issued)}: credentials`);
        const other = holder === "alpha" ? "beta" : "alpha";
        if (await this.#goesOn(replica, exchangeOf(token), byPost(other), undefined))
          wrong.push(`${nameOf(issued)}: delegated`);
      }
      wrong.push(...(await this.#wrongFamilies(replica)));
    }
    return wrong;
  }

  /** One that the settings refuse is used up by asking: it must not be asked with again. */
  async #wrongFamilies(replica: Replica): Promise<readonly string[]> {
    const wrong: string[] = [];
    for (const family of this.#families.slice()) {
      const { refreshToken, holder, session } = family;
      const isAlive = this.#isAlive(session, replica);
      if (isAlive && !isLapsed(session, this.#settings)) continue;
      if (await this.#goesOn(replica, { type: "refresh_token", refreshToken }, byPost(holder), session)) {
        wrong.push(`refresh token of ${idOf(session)}`);
      }
      if (isAlive) this.#families.splice(this.#families.indexOf(family), 1);
    }
    return wrong;
  }

  #verdictOn({ session, kid, expiresAt }: Issued, replica: Replica): "live" | "dead" | "unknown" {
    const { now } = this.#world;
    const signed = { ...session, keys: new Set([...session.keys, kid]) };
    if (!this.#isAlive(signed, replica)) return "dead";
    const lasts = !hasEnded(session, replica.sessionTtl, now + MARGIN) && now + MARGIN < expiresAt;
    const isKnown = session.chain.every((id) => this.#settings.clients.has(id));
    return lasts && isKnown && !this.#model.isRevoked(signed) ? "live" : "unknown";
  }

  #isAlive(session: ModelSession, { sessionTtl }: Replica): boolean {
    return !this.#model.isRevoked(session) && !hasEnded(session, sessionTtl, this.#world.now - MARGIN);
  }

  async #isActive({ introspection }: Replica, token: string): Promise<boolean> {
    const asked = { credentials: byPost(OPERATOR.id), caller: CALLER, token };
    return (await introspection.introspect(asked)).active;
  }

  /** Whether a request is answered with a token of the session, or, without one, at all. */
  async #goesOn(
    replica: Replica,
    grant: GrantParameters,
    credentials: Credentials,
    session: ModelSession | undefined,
  ): Promise<boolean> {
    const answer = await ask(replica, grant, credentials);
    return answer !== undefined && (session === undefined || sidOf(answer) === idOf(session));
  }

  async #login(replica: Replica, holder: string): Promise<void> {
    const answer = await ask(replica, { type: "client_credentials" }, byPost(holder));
    if (answer !== undefined) this.#begun(answer, replica, { holder, namedBy: "client", subject: holder, means: [] });
  }

  async #user(step: Extract<Step, { do: "user" }>): Promise<void> {
    const { client: holder, unsecured } = step;
    const replica = this.#world.replica(step.replica);
    const own = this.#tokens.filter((issued) => isOwn(issued.session) && issued.holder === holder);
    const bearer = step.by === null ? undefined : own[step.by % own.length];
    const named = { iss: IDP, aud: ISSUER, sub: "ada", exp: this.#world.now + 300 };
    const subjectToken = unsecured ? unsecuredToken({ sub: "eve@example.com" }) : idpToken(named);
    const grant: GrantParameters = { ...EXCHANGE, subjectToken, subjectTokenType: "jwt" };
    const answer = await ask(replica, grant, bearer === undefined ? byPost(holder) : byBearer(bearer.token));
    if (answer === undefined) return;
    const namedBy = unsecured ? "unsecured" : "issuer";
    const subject = unsecured ? "eve@example.com" : "idp:ada";
    this.#begun(answer, replica, { holder, namedBy, subject, means: bearer === undefined ? [] : [bearer] });
  }

  async #delegate(replica: Replica, issued: Issued | undefined): Promise<void> {
    if (issued === undefined) return;
    const holder = issued.holder === "alpha" ? "beta" : "alpha";
    const answer = await ask(replica, exchangeOf(issued.token), byPost(holder));
    const { namedBy, subject } = issued.session;
    if (answer !== undefined) this.#begun(answer, replica, { holder, namedBy, subject, means: [issued], of: issued });
  }

  async #refresh(replica: Replica, pick: number, way: string): Promise<void> {
    if (way === "refresh_token") return this.#rotate(replica, this.#families[pick % this.#families.length]);
    const issued = this.#token(pick);
    if (issued === undefined) return;
    const { token, holder, session } = issued;
    const answer = await ask(replica, exchangeOf(token), way === "bearer" ? byBearer(token) : byPost(holder));
    if (answer === undefined) return;
    if (sidOf(answer) === idOf(session)) {
      this.#add(answer, holder, { ...session, keys: new Set([...session.keys, issued.kid]) });
    } else {
      this.#begun(answer, replica, { holder, namedBy: "client", subject: holder, means: [] });
    }
  }

  async #rotate(replica: Replica, family: Family | undefined): Promise<void> {
    if (family === undefined) return;
    const { refreshToken, holder, session } = family;
    const answer = await ask(replica, { type: "refresh_token", refreshToken }, byPost(holder));
    if (answer?.refresh_token === undefined) return;
    family.refreshToken = answer.refresh_token;
    this.#add(answer, holder, session);
  }

  async #revoke(replica: Replica, pick: number, kind: Extract<Step, { do: "revoke" }>["kind"]): Promise<void> {
    const issued = this.#token(pick);
    const family = this.#families[pick % this.#families.length];
    if (issued === undefined || (kind === "refresh_token" && family === undefined)) return;
    const { token, session, holder, kid } = issued;
    const revoke = async (target: Parameters<Replica["revocation"]["revoke"]>[0]["target"], said: ModelRevocation) => {
      await replica.revocation.revoke({ credentials: byPost(OPERATOR.id), caller: CALLER, target });
      await this.#world.settled();
      this.#model.revoke(said);
    };
    switch (kind) {
      case "token":
        return revoke({ kind, token }, { kind: "session", id: idOf(session) });
      case "refresh_token":
        if (family === undefined) return;
        return revoke({ kind: "token", token: family.refreshToken }, { kind: "session", id: idOf(family.session) });
      case "session":
        return revoke({ kind, sessionId: idOf(session) }, { kind, id: idOf(session) });
      case "subject":
        return revoke({ kind, subject: session.subject }, { kind, id: session.subject });
      case "client":
        return revoke({ kind, clientId: session.chain.at(-1) ?? holder }, { kind, id: session.chain.at(-1) ?? holder });
      case "everything":
        return revoke({ kind }, { kind });
      case "key":
        if (await this.#world.revokeKey(kid)) this.#model.revoke({ kind, id: kid });
    }
  }

  async #change(what: "client" | "actor" | "unsecured" | "issuer", id: string): Promise<void> {
    const settings = this.#settings;
    if (what === "issuer") settings.issuerTrusted = !settings.issuerTrusted;
    if (what === "actor") settings.actors = toggled(settings.actors, id);
    if (what === "unsecured") settings.unsecured = toggled(settings.unsecured, id);
    if (what === "client") settings.clients = toggled(settings.clients, id);
    await this.#world.reload(clientsOf(settings), settings.issuerTrusted);
    if (what === "client" && !settings.clients.has(id)) this.#model.revoke({ kind: "client", id });
  }

  #token(pick: number): Issued | undefined {
    return this.#tokens[pick % this.#tokens.length];
  }

  #begun(answer: TokenResponse, { sessionTtl }: Replica, beginning: Beginning): void {
    const { holder, namedBy, subject, means, of } = beginning;
    const { now } = this.#world;
    const session: ModelSession = {
      subject,
      namedBy,
      chain: [holder, ...(of?.session.chain ?? [])],
      lineage: new Set([sidOf(answer), ...means.flatMap((issued) => [...issued.session.lineage])]),
      keys: new Set(means.flatMap((issued) => [issued.kid, ...issued.session.keys])),
      begunAt: now,
      endsAt: Math.min(now + sessionTtl, of?.session.endsAt ?? Infinity),
      begunAfter: this.#model.count,
    };
    this.#add(answer, holder, session);
    const { refresh_token: refreshToken } = answer;
    if (refreshToken !== undefined) this.#families.push({ refreshToken, holder, session });
  }

  #add({ access_token: token, expires_in: expiresIn }: TokenResponse, holder: string, session: ModelSession): void {
    if (expiresIn <= 0) throw new Error(`expires_in is ${expiresIn}`);
    this.#tokens.push({ token, holder, session, kid: kidOf(token), expiresAt: this.#world.now + expiresIn });
  }
}

/** How a session begins: for whom, and by means of which tokens of ours. */
interface Beginning extends Pick<ModelSession, "namedBy" | "subject"> {
  readonly holder: string;
  readonly means: readonly Issued[];
  /** The subject's token, if it is ours. */
  readonly of?: Issued;
}

const isOwn = ({ namedBy, chain }: ModelSession): boolean => namedBy === "client" && chain.length === 1;
const idOf = ({ lineage }: ModelSession): string => [...lineage][0] ?? "";
const nameOf = ({ holder, session }: Issued): string => `${holder}'s token for ${session.subject}, ${idOf(session)}`;
