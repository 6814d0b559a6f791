/** The `now` that scripts are given: empty in production, so that they take Redis TIME; a fake clock's in tests. */
export type ScriptNow = () => number | "";
