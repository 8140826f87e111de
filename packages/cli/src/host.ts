/** What the command has around it: a process, or a test. */
export interface Output {
  write(text: string): unknown;
  readonly isTTY?: boolean | undefined;
  /** Width of the terminal. */
  readonly columns?: number | undefined;
}

export interface Host {
  /** Results, nothing else. */
  readonly stdout: Output;
  readonly stderr: Output;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Module of the replay threads; default the one beside the command's own, which is there once it is built. */
  readonly worker?: URL | undefined;
}
