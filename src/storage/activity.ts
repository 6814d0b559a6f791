/** What replicas tell each other for operators: when clients and secrets were last used, and what each replica is. */

/** Instants in milliseconds, by a name that the caller chooses. */
export type Uses = ReadonlyMap<string, number>;

export interface SharedActivity {
  /** Since when uses are recorded: a name without a use was not used after this. Milliseconds. */
  readonly since: number;
  readonly uses: Uses;
  /** What each replica said last, by its name, and when. */
  readonly reports: ReadonlyMap<string, { readonly at: number; readonly report: string }>;
}

/** No request waits for it. Both throw `temporarily_unavailable`. */
export interface Activity {
  /**
   * Adds uses, and replaces the replica's report. Of two uses of one name the later counts, in whatever order replicas
   * share them. Where there are more than `MAX_USES` names, recording starts again, and `since` says so.
   */
  share(of: { readonly replica: string; readonly report: string; readonly uses: Uses }): Promise<void>;
  /** Reports are those of the last `REPORT_LIFE_MS`. */
  read(): Promise<SharedActivity>;
}

/** Names whose last use is kept, at some 60 bytes each. */
export const MAX_USES = 50_000;
/** Names in one call: it is a step that holds up others. */
export const MAX_USES_AT_ONCE = 500;
export const MAX_NAME_LENGTH = 1024;
export const MAX_REPORT_LENGTH = 64 * 1024;
/** A replica that says nothing for so long is gone: three reports. */
export const REPORT_LIFE_MS = 90_000;
