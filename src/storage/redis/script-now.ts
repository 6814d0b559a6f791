/** The `now` of scripts: empty in production, where they take Redis TIME; a fake clock's in tests. */
export type ScriptNow = () => number | "";
