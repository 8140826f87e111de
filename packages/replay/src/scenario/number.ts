/**
 * Numbers and addresses of a scenario, as written. They stay symbolic until an operation runs, because a page is as
 * large as the machine says: `N` base pages, `Nh` huge pages, `+B` bytes more, `0x..` raw, `max` the largest number.
 */
import { LABEL } from './line.js';

/** A size, offset or limit. */
export type Quantity =
  | { readonly kind: 'pages'; readonly pages: bigint; readonly bytes: bigint }
  | { readonly kind: 'huge'; readonly pages: bigint; readonly bytes: bigint }
  | { readonly kind: 'raw'; readonly value: bigint }
  | { readonly kind: 'max' };

/** An address: a quantity from the arena or from a base, or `any`. */
export type AddressExpr =
  | { readonly kind: 'any' }
  | { readonly kind: 'at'; readonly base: AddressBase; readonly offset: Quantity };

/** What an address counts from; a label's name otherwise. Raw numbers and `max` count from nothing. */
export type AddressBase =
  | { readonly kind: 'arena' }
  | { readonly kind: 'brk' }
  | { readonly kind: 'firstPick' }
  | { readonly kind: 'label'; readonly name: string };

const ARENA: AddressBase = { kind: 'arena' };
const NOTHING: Quantity = { kind: 'pages', pages: 0n, bytes: 0n };

/** A quantity, or null when the word is none. */
export function parseQuantity(word: string): Quantity | null {
  if (word === 'max') return { kind: 'max' };
  if (/^0x[0-9a-f]+$/i.test(word)) return { kind: 'raw', value: BigInt(word) };
  const parts = /^([0-9]+)(h?)(?:\+([0-9]+))?$/.exec(word);
  if (parts === null) return null;
  const bytes = BigInt(parts[3] ?? 0);
  return { kind: parts[2] === 'h' ? 'huge' : 'pages', pages: BigInt(parts[1] as string), bytes };
}

/** An address, or null when the word is none. */
export function parseAddress(word: string): AddressExpr | null {
  if (word === 'any') return { kind: 'any' };
  const offset = parseQuantity(word);
  if (offset !== null) return { kind: 'at', base: ARENA, offset };
  const [name, after, ...more] = word.split(':') as [string, ...string[]];
  if (more.length > 0 || !LABEL.test(name)) return null;
  const past = after === undefined ? NOTHING : parseQuantity(after);
  if (past === null || past.kind === 'max') return null;
  if (name === 'brk') return { kind: 'at', base: { kind: 'brk' }, offset: past };
  if (name === 'any') return { kind: 'at', base: { kind: 'firstPick' }, offset: past };
  return { kind: 'at', base: { kind: 'label', name }, offset: past };
}

/** A plain number: decimal, or hexadecimal with `0x`; null when the word is none or not exact. */
export function parsePlain(word: string): number | null {
  if (!/^(?:[0-9]+|0x[0-9a-f]+)$/i.test(word)) return null;
  const value = Number(word);
  return Number.isSafeInteger(value) ? value : null;
}
