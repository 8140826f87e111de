/**
 * What makes the comparison with the emulator's MMU strict: bytes that tell where they lie, and the accessed and dirty bits that
 * the accesses leave in the tables.
 */
import { closeSync, openSync, writeSync } from 'node:fs';
import type { Process } from '@fourfold/core';
import {
  type AccessKind,
  type ArchDescriptor,
  EXEC,
  highWord,
  LOAD,
  lowWord,
  STORE,
  type Walk,
  type WalkRights,
} from '@fourfold/core/arch';
import { type Program, RETURN } from '../programs.js';
import type { Ring } from './rom.js';

/** Bytes of a frame: in a large page, of the piece that an address lies in. */
const FRAME_BYTES = 4096;
const PRESENT = 1n;
const ACCESSED = 0x20n;
const DIRTY = 0x40n;
const WRITABLE = 2n;
const NO_EXEC = 1n << 63n;
const LARGE = 0x80n;
const DATA_KINDS: readonly AccessKind[] = [LOAD, STORE];
const ALL_KINDS: readonly AccessKind[] = [LOAD, STORE, EXEC];

/** An address that is asked for, and what our tables say of it. */
export interface Probe {
  readonly address: bigint;
  readonly walk: Walk;
  readonly byte: number;
  readonly isCalled: boolean;
}

/** Whether a page is the kernel's alone. */
export function isKernels({ physical, rights }: Walk): boolean {
  return physical !== null && !rights.read;
}

/** What a walk gives a ring: to ring 0, with CR0.WP set, what every entry has without asking for US. */
export function rightsIn(ring: Ring, arch: ArchDescriptor, { steps, rights }: Walk): WalkRights {
  if (ring === 3) return rights;
  const entries = steps.filter(({ what }) => what !== 'cr3' && !(isPae(arch) && what === 'pgd'));
  const every = entries.reduce((bits, { value }) => bits & (value as bigint), -1n);
  const any = entries.reduce((bits, { value }) => bits | (value as bigint), 0n);
  return { read: true, write: (every & WRITABLE) !== 0n, exec: (any & NO_EXEC) === 0n };
}

/** Clears accessed and dirty in half of the entries, as page-out does before it looks again: a program leaves them all set. */
export function forgetUse({ machine, random }: Program, probes: readonly Probe[]): void {
  const { memory } = machine.kernel;
  for (const { walk: found } of probes) {
    for (const { at, value, what } of found.steps) {
      if (at === null || value === null || (value & PRESENT) === 0n || random.below(2) === 0) continue;
      const word = memory.wordAt(Number(at));
      // Bit 6 of an entry that points to a table is nobody's.
      const isLeaf = what === 'pte' || (value & LARGE) !== 0n;
      memory.words[word] = (memory.words[word] as number) & ~Number(isLeaf ? ACCESSED | DIRTY : ACCESSED);
    }
  }
}

/**
 * Makes every byte of the frames that are asked for tell which it is, in the file alone: a load that comes from elsewhere
 * reads something else, but for one in some hundred. What the program left there was mostly zero.
 */
export function stampFrames(path: string, probes: readonly Probe[]): void {
  const file = openSync(path, 'r+');
  const bytes = new Uint8Array(FRAME_BYTES);
  const frames = new Set(probes.map(({ walk: { physical } }) => (physical === null ? -1 : frameOf(physical))));
  for (const frame of frames) {
    if (frame < 0) continue;
    for (let i = 0; i < FRAME_BYTES; i++) bytes[i] = stampOf(frame + i);
    writeSync(file, bytes, 0, FRAME_BYTES, frame);
  }
  closeSync(file);
}

function frameOf(physical: bigint): number {
  return Number(physical & ~BigInt(FRAME_BYTES - 1));
}

/** The byte at a physical address: a return instruction in one of four, else anything. */
export function stampOf(physical: number): number {
  let hash = Math.imul(physical, 0x9e37_79b1);
  hash = Math.imul(hash ^ (hash >>> 15), 0x85eb_ca77);
  hash ^= hash >>> 13;
  return (hash & 3) === 0 ? RETURN : (hash >>> 8) & 0xff;
}

/** The same accesses by our own MMU, which leaves accessed and dirty in the tables as the emulator's does. */
export function accessAll({ machine }: Program, process: Process, probes: readonly Probe[], ring: Ring): void {
  const { mmu, memory } = machine.kernel;
  const cpu = machine.enter(process);
  mmu.flushMm(process.mm);
  for (const { address, walk: found, isCalled } of probes) {
    const vpn = address >> BigInt(memory.pageShift);
    const byKernel = ring === 0 && isKernels(found);
    for (const kind of isCalled ? ALL_KINDS : DATA_KINDS) {
      if (byKernel) mmu.kernel.miss(cpu, kind, highWord(vpn), lowWord(vpn));
      else mmu.miss(cpu, kind, highWord(vpn), lowWord(vpn));
    }
  }
}

/**
 * The entries of a walk, with their accessed and dirty bits. PAE's four pointers without: the processor has them in
 * registers since CR3 was loaded and writes nothing back (IA-32 SDM vol. 3, 4.4.1), the emulator sets accessed there too.
 */
export function entriesOf(arch: ArchDescriptor, { steps }: Walk): string {
  const values = steps.map(({ what, value }) =>
    isPae(arch) && what === 'pgd' && value !== null ? value & ~ACCESSED : value,
  );
  return values.map((value) => (value === null ? '-' : value.toString(16))).join(' ');
}

function isPae({ wordBits, geometry }: ArchDescriptor): boolean {
  return wordBits === 32 && geometry.entryBytes[0] === 8;
}
