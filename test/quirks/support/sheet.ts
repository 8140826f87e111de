/**
 * How test/quirks/PORT/sheet.ts says where each fact of a port's reference sheet is tested. The sheet was collected from the
 * kernel and the manuals before the port was built; here it stands in our own words, section by section.
 * test/quirks/sheets.test.ts checks that everything named exists, test/docs/quirks.test.ts puts it on the port's page.
 */
import type { Port } from './quirk.js';

/** A test elsewhere in the repository. */
export interface TestOf {
  /** From the root of the repository. */
  readonly file: string;
  /** The title of a test or of a group of tests in it, or how it begins. */
  readonly title: string;
}

/** A fact that nothing here does, and why. */
export interface NotModelled {
  readonly notModelled: string;
}

/** A string is the sentence of a quirk of the same port, or the beginning of one alone. */
export type Proof = string | TestOf;

export type Facts = Readonly<Record<string, Proof | readonly Proof[] | NotModelled>>;

/** What a reference sheet says of a port. */
export interface Sheet {
  readonly port: Port;
  /** Facts by section of the sheet: its number and title. */
  readonly sections: Readonly<Record<string, Facts>>;
}

/** A test in a file, by its title or how it begins. */
export function testOf(file: string, title: string): TestOf {
  return { file, title };
}

/** A fact left out, and why. */
export function notModelled(why: string): NotModelled {
  return { notModelled: why };
}

/** The proofs of a fact, or why there are none. */
export function proofsOf(given: Facts[string]): readonly Proof[] | NotModelled {
  if (typeof given === 'string') return [given];
  return 'file' in given ? [given] : given;
}
