/**
 * x86 by qemu's MMU: the image is the guest's memory, our CR3 is loaded, and code of ours in ring 0 (code.ts) loads from,
 * stores to and calls each address with CR0.WP set, so that every right of the entries is put to the test but US, which all
 * user pages have. Every byte tells where it lies, and the accessed and dirty bits that the emulator leaves are held against
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
import { accessAll, entriesOf, forgetUse, type Probe, stampFrames, stampOf } from './evidence.js';
import { CODE_AT, CODE_BYTES, codePage, type RomParameters, rom, STACK_AT } from './rom.js';

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
  const each = Math.ceil(addresses / 3);
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
    compared.push(...(await compare(program, label, process, Math.ceil(addresses / program.processes.length), folder)));
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
  count: number,
  folder: string,
): Promise<Comparison[]> {
  const { machine } = program;
  const { arch, kernel } = machine;
  const [described] = describeImage(kernel, [{ label, pid: process.pid, mm: process.mm }]).processes;
  const roots = (described as { roots: Roots }).roots;
  const told = parametersOf(arch, roots, count);
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
  accessAll(program, process, probes);
  const left = new FileImage(memory, arch.byteOrder);
  const live = imageOf(kernel.memory);
  const compared = probes.map((probe, i) => ({
    process: label,
    address: probe.address,
    ours: { ...oursOf(probe, hasNx), entries: entriesOf(arch, walk(arch, live, roots, probe.address)) },
    theirs: {
      ...theirsOf(results, i * RECORD, probe.isCalled),
      entries: entriesOf(arch, walk(arch, left, roots, probe.address)),
    },
    walk: () => walkLines(probe.walk),
  }));
  left.close();
  return compared;
}

function parametersOf(arch: ArchDescriptor, roots: Roots, count: number): RomParameters {
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
  };
}

/** Addresses of the arena, of huge pages and from all over, each with what our tables say. */
function probesOf({ machine, random }: Program, roots: Roots, count: number): Probe[] {
  const { arch, kernel } = machine;
  const image = imageOf(kernel.memory);
  const hugeBytes = arch.huge === null ? 0 : 2 ** arch.huge.shift;
  return Array.from({ length: count }, (_, i) => {
    let address = ARENA + BigInt(random.below((PAGES + 8) * arch.pageSize));
    if (i % 5 === 3 && hugeBytes > 0) address = HUGE + BigInt(random.below(3 * hugeBytes));
    else if (i % 5 === 4) address = anywhere(arch, random.below(2 ** 30), random.below(2 ** 30));
    const found = walk(arch, image, roots, address);
    const byte = found.physical === null ? 0 : stampOf(Number(found.physical));
    // A call has to come back: of a page that can be read, only where a return instruction lies.
    const isCalled = found.physical === null || byte === RETURN;
    return { address, walk: found, byte, isCalled };
  });
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
const FETCH = 16;

function oursOf({ walk: { physical, rights, missing }, byte, isCalled }: Probe, hasNx: boolean): Verdict {
  const fetch = hasNx ? FETCH : 0;
  if (missing === 'the address is not canonical') return { load: 'general', store: 'general', fetch: 'general' };
  if (physical === null) return { load: fault(0), store: fault(WRITE), fetch: fault(fetch) };
  return {
    load: `byte ${byte.toString(16)}`,
    store: rights.write ? 'done' : fault(PROTECTION | WRITE),
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
