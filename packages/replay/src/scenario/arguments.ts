/** Reads the arguments of one operation in order and says what was expected when one is missing, wrong or too much. */
import { LABEL, type ScenarioLine, syntax, unsupported } from './line.js';
import { type AddressExpr, parseAddress, parsePlain, parseQuantity, type Quantity } from './number.js';
import type { ScenarioError } from './scenario-error.js';

/** More than any line of a result can show. */
const MAX_PAGES = 2 ** 20;

export class Arguments {
  readonly line: ScenarioLine;
  readonly #words: string[];

  constructor(line: ScenarioLine) {
    this.line = line;
    this.#words = [...line.args];
  }

  /** Whether another argument is there. */
  get more(): boolean {
    return this.#words.length > 0;
  }

  /** The next argument, whatever it is. @throws ScenarioError at the end of the line */
  word(expected: string): string {
    const word = this.#words.shift();
    if (word === undefined) throw syntax(this.line, `${expected} for ${this.line.op}`, 'the end of the line');
    return word;
  }

  /** Puts a word back as the next argument. */
  reread(word: string): this {
    this.#words.unshift(word);
    return this;
  }

  address(expected = 'an address'): AddressExpr {
    return this.#parsed(`${expected} (N, N+B, Nh, 0x.., max, brk:N, a label or any)`, parseAddress);
  }

  quantity(expected: string): Quantity {
    return this.#parsed(`${expected} (N, N+B, Nh, 0x.. or max)`, parseQuantity);
  }

  /** A plain number. */
  plain(expected: string): number {
    return this.#parsed(expected, parsePlain);
  }

  /** A number of pages to look at one by one. */
  pages(): number {
    return this.#parsed(`a number of pages, at most ${MAX_PAGES},`, (word) => {
      const pages = parsePlain(word);
      return pages !== null && pages <= MAX_PAGES ? pages : null;
    });
  }

  /** A plain number, or `fallback` at the end of the line. */
  plainOr(expected: string, fallback: number): number {
    return this.more ? this.plain(expected) : fallback;
  }

  /** One word of a table. */
  oneOf<T>(what: string, table: Readonly<Record<string, T>>): T {
    return this.#lookup(what, table, this.word(what));
  }

  /** Words of a table joined by commas, or `0` for none of them. */
  listOf<T>(what: string, table: Readonly<Record<string, T>>): T[] {
    const word = this.word(`${what}s`);
    return word === '0' ? [] : word.split(',').map((part) => this.#lookup(what, table, part));
  }

  /** PROT_ bits of letters of `rwx`, or `-`. */
  prot(): number {
    return this.#parsed('letters of rwx, or -, as protection', (word) =>
      /^[rwx-]+$/.test(word)
        ? (word.includes('r') ? 1 : 0) | (word.includes('w') ? 2 : 0) | (word.includes('x') ? 4 : 0)
        : null,
    );
  }

  /** A label of at most three characters. */
  label(what: string): string {
    return this.#parsed(`${what} of one to three letters and digits`, (word) => (LABEL.test(word) ? word : null));
  }

  /** The label of a last argument `=L`, which is taken away; null when there is none. */
  binding(): string | null {
    const last = this.#words[this.#words.length - 1];
    if (last === undefined || !last.startsWith('=')) return null;
    this.#words.pop();
    const name = last.slice(1);
    if (!LABEL.test(name) || name === 'any' || name === 'brk' || name === 'max') {
      throw syntax(this.line, 'a label of one to three letters and digits after =', `'${last}'`);
    }
    return name;
  }

  /** @throws ScenarioError when an argument is left */
  end(): void {
    if (this.#words.length > 0) {
      throw syntax(this.line, `no more arguments for ${this.line.op}`, `'${this.#words.join(' ')}'`);
    }
  }

  /** The error of an operation that needs a subsystem this version lacks. */
  unsupported(what: string, came: string = `'${this.line.text}'`): ScenarioError {
    return unsupported(this.line, what, came);
  }

  /** The error of a word that is not what the format says. */
  wrong(expected: string, word: string): ScenarioError {
    return syntax(this.line, expected, `'${word}'`);
  }

  #lookup<T>(what: string, table: Readonly<Record<string, T>>, word: string): T {
    if (!Object.hasOwn(table, word)) {
      throw syntax(this.line, `${what} of ${this.line.op} (${Object.keys(table).join(' ')})`, `'${word}'`);
    }
    return table[word] as T;
  }

  #parsed<T>(expected: string, parse: (word: string) => T | null): T {
    const word = this.word(expected);
    const value = parse(word);
    if (value === null) throw syntax(this.line, `${expected} for ${this.line.op}`, `'${word}'`);
    return value;
  }
}
