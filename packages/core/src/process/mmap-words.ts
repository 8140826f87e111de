/** Protections and mmap flags as words, for the public methods. */
import { MmError } from '../errors.js';
import {
  MAP_32BIT,
  MAP_ANONYMOUS,
  MAP_FIXED,
  MAP_GROWSDOWN,
  MAP_LOCKED,
  MAP_NONBLOCK,
  MAP_NORESERVE,
  MAP_POPULATE,
  MAP_PRIVATE,
  MAP_SHARED,
} from '../vma/mmap-bits.js';

/** `'rw'`, `'r-x'`, `'-'` or PROT_ bits (1 read, 2 write, 4 exec). */
export type ProtLike = string | number;
/** `'private|anonymous'` or MAP_ bits. */
export type FlagsLike = string | number;

const FLAG_WORDS: Readonly<Record<string, number>> = {
  shared: MAP_SHARED,
  private: MAP_PRIVATE,
  fixed: MAP_FIXED,
  anonymous: MAP_ANONYMOUS,
  anon: MAP_ANONYMOUS,
  '32bit': MAP_32BIT,
  growsdown: MAP_GROWSDOWN,
  locked: MAP_LOCKED,
  noreserve: MAP_NORESERVE,
  populate: MAP_POPULATE,
  nonblock: MAP_NONBLOCK,
};

/** PROT_ bits of letters. @throws MmError MM_PROT */
export function parseProt(prot: ProtLike): number {
  if (typeof prot === 'number' && Number.isInteger(prot)) return prot;
  if (typeof prot !== 'string')
    throw new MmError('MM_PROT', `expected letters or PROT_ bits as prot, got ${String(prot)}`);
  let bits = 0;
  for (const letter of prot) {
    const bit = 'rwx'.indexOf(letter);
    if (bit >= 0) bits |= 1 << bit;
    else if (letter !== '-') throw new MmError('MM_PROT', `expected letters of r, w, x or -, got '${prot}'`);
  }
  return bits;
}

/** MAP_ bits of words joined by `|` or `,`. @throws MmError MM_FLAGS */
export function parseFlags(flags: FlagsLike): number {
  if (typeof flags === 'number' && Number.isInteger(flags)) return flags;
  if (typeof flags !== 'string')
    throw new MmError('MM_FLAGS', `expected words or MAP_ bits as flags, got ${String(flags)}`);
  let bits = 0;
  for (const word of flags.split(/[|,]/)) {
    const bit = FLAG_WORDS[word.trim()];
    if (bit === undefined)
      throw new MmError('MM_FLAGS', `expected words of ${Object.keys(FLAG_WORDS).join(' ')}, got '${word}'`);
    bits |= bit;
  }
  return bits;
}
