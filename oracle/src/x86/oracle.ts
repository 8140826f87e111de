/**
 * x86 by qemu's MMU: the image is the guest's memory, our CR3 is loaded, and code of ours (code.ts) loads from, stores to and
 * calls each address, in ring 0 with CR0.WP set and in ring 3, so that every right of the entries is put to the test. The
 * addresses are the program's, the gate's, and those where the kernel has its map of memory. Every byte tells where it lies, and the accessed and dirty bits that the emulator leaves are held against
 * those of our own MMU after the same accesses.
 */
import { closeSync, openSync, readSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describeImage, imageOf, type Process } from '@fourfold/core';
import { type ArchDescriptor, type Roots, walk } from '@fourfold/core/arch';
import { FileImage, writeMemory } from '@fourfold/replay/node';
import { runEmulator } from '../emulator.js';
import type { Comparison, Oracle, Verdict } from '../oracle.js';
import { type Program, RETURN, runProgram } from '../programs.js';
import { walkLines } from '../walk-lines.js';
import { accessAll, entriesOf, forgetUse, isKernels, type Probe, rightsIn, stampFrames, stampOf } from './evidence.js';
import { CODE_AT, CODE_BYTES, codePage, type Ring, type RomParameters, rom, STACK_AT } from './rom.js';

const MIB = 2 ** 20;
/** RAM begins behind the first megabyte, which on a PC has holes. */
const BASE = 16 * MIB;
const BYTES = 112 * MIB;
const ARENA = 0x2000_0000n;
const PAGES = 1200;
const HUGE = 0x4000_0000n;
const LIST_AT = 0x20_0000;
const RESULTS_AT = 0x40_0000;
/** Bytes of an address in the list, and of its results. */
const RECORD = 16;
const CALLED = 1n;
const NX = 0x800n;

/** The oracle of one x86 machine. */
export function x86Oracle(arch: ArchDescriptor): Oracle {
  return {
    arch,
    emulator: 'qemu-system-x86_64',
    debianPackage: 'qemu-system-x86',
    run: (seed, addresses, folder) => run(arch, seed, addresses, folder),
  };
}

async function run(arch: ArchDescriptor, seed: number, addresses: number, folder: string): Promise<Comparison[]> {
  const each = Math.ceil(addresses / 6);
  const listBytes = each * RECORD;
  const program = runProgram({
    arch,
    seed,
    base: BASE,
    bytes: BYTES,
    arena: ARENA,
    pages: PAGES,
    huge: HUGE,
    prepare: (process) => prepare(process, listBytes),
  });
  const compared: Comparison[] = [];
  for (const { label, process } of program.processes) {
    for (const ring of [0, 3] as const) {
      compared.push(...(await compare(program, label, process, ring, each, folder)));
    }
  }
  return compared;
}

/** Maps and writes what the code needs, so that a process has it for itself: not shared with the one it was forked from. */
function prepare(process: Process, listBytes: number): void {
  const flags = 'private|anonymous|fixed';
  if (process.mm.vmas.first === null) {
    process.mmap({ addr: STACK_AT, length: CODE_AT + CODE_BYTES - STACK_AT, prot: 'rwx', flags });
    process.mmap({ addr: LIST_AT, length: 2 * listBytes, prot: 'rw', flags });
    process.mmap({ addr: RESULTS_AT, length: 2 * listBytes, prot: 'rw', flags });
  }
  process.write(STACK_AT, new Uint8Array(CODE_AT + CODE_BYTES - STACK_AT));
  process.write(LIST_AT, new Uint8Array(2 * listBytes));
  process.write(RESULTS_AT, new Uint8Array(2 * listBytes));
}

async function compare(
  program: Program,
  label: string,
  process: Process,
  ring: Ring,
  count: number,
  folder: string,
): Promise<Comparison[]> {
  const { machine } = program;
  const { arch, kernel } = machine;
  const [described] = describeImage(kernel, [{ label, pid: process.pid, mm: process.mm }]).processes;
  const roots = (described as { roots: Roots }).roots;
  const told = parametersOf(arch, roots, count, ring);
  process.write(CODE_AT, codePage(told));
  const probes = probesOf(program, roots, count);
  process.write(LIST_AT, listOf(probes));
  forgetUse(program, probes);
  const memory = join(folder, 'memory.raw');
  const bios = join(folder, 'rom.bin');
  writeMemory(kernel.memory, memory);
  stampFrames(memory, probes);
  writeFileSync(bios, rom(told));
  await runEmulator('qemu-system-x86_64', [
    ...['-M', 'pc,memory-backend=ram', '-m', `${(BASE + BYTES) / MIB}M`],
    ...['-object', `memory-backend-file,id=ram,size=${BASE + BYTES},mem-path=${memory},share=on`],
    ...['-bios', bios, '-cpu', 'qemu64', '-accel', 'tcg', '-nodefaults', '-display', 'none', '-no-reboot'],
    ...['-device', 'isa-debug-exit,iobase=0xf4,iosize=1'],
  ]);
  const results = readVirtual(arch, roots, program, memory, RESULTS_AT, count * RECORD);
  const hasNx = (BigInt(roots.efer as bigint) & NX) !== 0n;
  accessAll(program, process, probes, ring);
  const left = new FileImage(memory, arch.byteOrder);
  const live = imageOf(kernel.memory);
  const compared = probes.map((probe, i) => ({
    process: label,
    as: `ring ${ring}`,
    address: probe.address,
    ours: { ...oursOf(arch, probe, hasNx, ring), entries: entriesOf(arch, walk(arch, live, roots, probe.address)) },
    theirs: {
      ...theirsOf(results, i * RECORD, probe.isCalled),
      entries: entriesOf(arch, walk(arch, left, roots, probe.address)),
    },
    walk: () => walkLines(probe.walk),
  }));
  left.close();
  return compared;
}

function parametersOf(arch: ArchDescriptor, roots: Roots, count: number, ring: Ring): RomParameters {
  const word = (name: string): number => Number(roots[name] as bigint);
  return {
    cr3: word('cr3'),
    cr4: word('cr4'),
    efer: word('efer'),
    cr0: word('cr0'),
    isLong: arch.wordBits === 64,
    list: LIST_AT,
    results: RESULTS_AT,
    count,
    ring,
  };
}

/** Addresses of the arena, of huge pages, of the kernel's and from all over, each with what our tables say. */
function probesOf({ machine, random }: Program, roots: Roots, count: number): Probe[] {
  const { arch, kernel } = machine;
  const image = imageOf(kernel.memory);
  const hugeBytes = arch.huge === null ? 0 : 2 ** arch.huge.shift;
  const inArena = (): bigint => ARENA + BigInt(random.below((PAGES + 8) * arch.pageSize));
  return Array.from({ length: count }, (_, i) => {
    let address = inArena();
    let found = walk(arch, image, roots, address);
    const tryInstead = (other: bigint): void => {
      const there = walk(arch, image, roots, other);
      // Of the kernel's pages those that the program has too: in others lie its tables, or this code.
      if (isKernels(there) && there.physical !== found.physical) return;
      address = other;
      found = there;
    };
    if (i % 5 === 3 && hugeBytes > 0) tryInstead(HUGE + BigInt(random.below(3 * hugeBytes)));
    else if (i % 10 === 4) tryInstead(anywhere(arch, random.below(2 ** 30), random.below(2 ** 30)));
    else if (i % 10 === 9 && found.physical !== null) tryInstead(linearAddress(arch, found.physical));
    else if (i % 50 === 0) tryInstead((arch.layout.spec.gate?.start ?? 0n) + BigInt(random.below(2 * arch.pageSize)));
    const byte = found.physical === null ? 0 : stampOf(Number(found.physical));
    // A call has to come back: of a page that can be read, only where a return instruction lies.
    const isCalled = found.physical === null || byte === RETURN;
    return { address, walk: found, byte, isCalled };
  });
}

/** Where the kernel's map of memory has a physical address. */
function linearAddress({ kernelSpace }: ArchDescriptor, physical: bigint): bigint {
  const piece = kernelSpace?.linear?.pieces.find((p) => physical >= p.physical && physical < p.physical + p.most);
  return piece === undefined ? 0n : piece.start + physical - BigInt(piece.physical);
}

/** An address from all over the space, but for what the oracle itself has mapped. */
function anywhere(arch: ArchDescriptor, a: number, b: number): bigint {
  const random = (BigInt(a) << 34n) ^ (BigInt(b) << 4n);
  const address = arch.wordBits === 64 ? random : random & 0xffff_ffffn;
  return address < 0x100_0000n ? address + 0x100_0000n : address;
}

function listOf(probes: readonly Probe[]): Uint8Array {
  const bytes = new Uint8Array(probes.length * RECORD);
  const view = new DataView(bytes.buffer);
  for (const [i, { address, isCalled }] of probes.entries()) {
    view.setBigUint64(i * RECORD, address, true);
    view.setBigUint64(i * RECORD + 8, isCalled ? CALLED : 0n, true);
  }
  return bytes;
}

/** Bytes of the address space as the emulator left them in the file. */
function readVirtual(
  arch: ArchDescriptor,
  roots: Roots,
  { machine }: Program,
  path: string,
  address: number,
  length: number,
): DataView {
  const image = imageOf(machine.kernel.memory);
  const bytes = new Uint8Array(length);
  const file = openSync(path, 'r');
  for (let at = 0; at < length; at += arch.pageSize) {
    const { physical } = walk(arch, image, roots, address + at);
    if (physical === null) throw new Error(`the results are not mapped at ${(address + at).toString(16)}`);
    readSync(file, bytes, at, Math.min(arch.pageSize, length - at), Number(physical));
  }
  closeSync(file);
  return new DataView(bytes.buffer);
}

/** Bits of a page fault's error code. */
const PROTECTION = 1;
const WRITE = 2;
const USER = 4;
const FETCH = 16;

function oursOf(arch: ArchDescriptor, { walk: found, byte, isCalled }: Probe, hasNx: boolean, ring: Ring): Verdict {
  const user = ring === 3 ? USER : 0;
  const fetch = user | (hasNx ? FETCH : 0);
  if (found.missing === 'the address is not canonical') return { load: 'general', store: 'general', fetch: 'general' };
  if (found.physical === null) return { load: fault(user), store: fault(user | WRITE), fetch: fault(fetch) };
  const rights = rightsIn(ring, arch, found);
  return {
    load: rights.read ? `byte ${byte.toString(16)}` : fault(PROTECTION | user),
    store: rights.write ? 'done' : fault(PROTECTION | user | WRITE),
    fetch: !isCalled ? '-' : rights.exec ? 'done' : fault(PROTECTION | fetch),
  };
}

function theirsOf(results: DataView, at: number, isCalled: boolean): Verdict {
  const load = results.getUint32(at, true);
  return {
    load: (load & 0x100) !== 0 ? `byte ${(load & 0xff).toString(16)}` : said(load),
    store: said(results.getUint32(at + 4, true)),
    fetch: isCalled ? said(results.getUint32(at + 8, true)) : '-',
  };
}

function said(word: number): string {
  if ((word & 0x100) !== 0) return 'done';
  if ((word & 0x400) !== 0) return 'general';
  return (word & 0x200) !== 0 ? fault(word & 0xff) : 'nothing';
}

function fault(code: number): string {
  return `fault ${code}`;
}
