/** The text form cannot be followed any further; what was replayed stands. */
export class ReplayStop extends Error {
  override readonly name: string = 'ReplayStop';
  readonly line: number;
  constructor(line: number, message: string) {
    super(`line ${line}: ${message}`);
    this.line = line;
  }
}
