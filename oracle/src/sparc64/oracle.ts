/**
 * sparc64 by the data MMU of qemu's UltraSPARC: what fills would load is loaded, some TTEs at a time since the TLB has 64
 * entries, and code of ours (code.ts) probes addresses in our context. An address is right when it has the byte that our
 * tables name, or misses where our tables have nothing.
 *
 * The instruction MMU is not asked: the hardware has no bit of execution, the miss handler looks at one of software.
 */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Sparc64Roots, Tte } from '@fourfold/arch-sparc64';
import { describeImage, type ImageProcess, imageOf, type Process } from '@fourfold/core';
import { type ArchDescriptor, type Walk, walk } from '@fourfold/core/arch';
import { EmulatorError } from '../emulator.js';
import { GuestMemory } from '../guest.js';
import type { Comparison, Oracle, Verdict } from '../oracle.js';
import { type Program, runProgram } from '../programs.js';
import { VirtualMachine } from '../virtual-machine.js';
import { walkLines } from '../walk-lines.js';
import { DONE_AT, LIST_AT, ORDER, RESULT, RESULT_BYTES, RESULTS_AT, romCode } from './code.js';

const MIB = 2 ** 20;
/** RAM of the simulated machine begins behind what the guest code needs. */
const BASE = 16 * MIB;
const BYTES = 112 * MIB;
const ARENA = 0x2000_0000n;
const PAGES = 1200;
const HUGE = 0x8000_0000n;
/** Probes for which the TLB is loaded at once: each needs one entry at most. */
const BATCH = 48;
/** Longest a guest may take, and how often it is looked after. */
const TIMEOUT_MS = 120_000;
const POLL_MS = 50;
const EMULATOR = 'qemu-system-sparc64';

/** The oracle of one sparc64 machine. */
export function sparc64Oracle(arch: ArchDescriptor): Oracle {
  return {
    arch,
    emulator: EMULATOR,
    debianPackage: 'qemu-system-sparc',
    run: (seed, addresses, folder) => run(arch, seed, addresses, folder),
  };
}

async function run(arch: ArchDescriptor, seed: number, addresses: number, folder: string): Promise<Comparison[]> {
  const shape = { arch, seed, base: BASE, bytes: BYTES, arena: ARENA, pages: PAGES, huge: HUGE, prepare: () => {} };
  const program = runProgram(shape);
  const compared: Comparison[] = [];
  const { processes } = program;
  for (const { label, process } of processes) {
    compared.push(...(await compare(program, label, process, Math.ceil(addresses / processes.length), folder)));
  }
  return compared;
}

interface Probe {
  readonly address: bigint;
  readonly walk: Walk;
  /** What is read at its physical address: the image is stamped so that bytes tell where they lie. */
  readonly byte: number;
}

async function compare(
  program: Program,
  label: string,
  process: Process,
  count: number,
  folder: string,
): Promise<Comparison[]> {
  const { machine } = program;
  const [described] = describeImage(machine.kernel, [{ label, pid: process.pid, mm: process.mm }]).processes;
  const roots = (described as ImageProcess).roots as Sparc64Roots;
  const probes = probesOf(program, roots, count);
  const memory = new GuestMemory(machine, join(folder, 'memory.raw'));
  const rom = join(folder, 'rom.bin');
  writeFileSync(rom, romCode());
  memory.writeWords(LIST_AT, ordersOf(roots, probes));
  memory.writeWords(DONE_AT, [0n]);
  stampBytes(memory, probes);
  memory.close();
  const results = await probe(memory.path, rom, folder, count * RESULT_BYTES);
  return probes.map((probe, i) => ({
    process: label,
    address: probe.address,
    ours: oursOf(probe),
    theirs: theirsOf(results, i * RESULT_BYTES, probe.address, roots.context),
    walk: () => walkLines(probe.walk),
  }));
}

/**
 * Lets the guest go through its orders; what it wrote down. The board of sun4u keeps its memory to itself, so the image is
 * loaded into it, and the monitor reads it.
 */
async function probe(memory: string, rom: string, folder: string, length: number): Promise<DataView> {
  const args = [
    ...['-M', 'sun4u', '-cpu', 'TI UltraSparc IIi', '-m', `${(BASE + BYTES) / MIB}M`, '-bios', rom, '-accel', 'tcg'],
    ...['-device', `loader,file=${memory},addr=0,force-raw=on`, '-nodefaults', '-display', 'none'],
  ];
  const socket = join(folder, 'monitor');
  const saved = join(folder, 'results.raw');
  const vm = await VirtualMachine.start(EMULATOR, args, socket);
  try {
    const end = performance.now() + TIMEOUT_MS;
    while (!/: 0x0*1\b/.test(await vm.ask(`xp /1gx ${DONE_AT}`))) {
      if (performance.now() > end)
        throw new EmulatorError(`${EMULATOR}: its guest was not done in ${TIMEOUT_MS / 1000} s`);
      await sleep(POLL_MS);
    }
    await vm.ask(`pmemsave ${RESULTS_AT} ${length} "${saved}"`);
  } finally {
    vm.kill();
    rmSync(socket, { force: true });
  }
  const bytes = readFileSync(saved);
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}

/** Addresses of the arena, of huge pages and from all over, each with what our tables say. */
function probesOf({ machine, random }: Program, { context, pgd }: Sparc64Roots, count: number): Probe[] {
  const { arch, kernel } = machine;
  const image = imageOf(kernel.memory);
  const hugeBytes = arch.huge === null ? 0 : 2 ** arch.huge.shift;
  return Array.from({ length: count }, (_, i) => {
    let address = ARENA + BigInt(random.below((PAGES + 8) * arch.pageSize));
    if (i % 5 === 3 && hugeBytes > 0) address = HUGE + BigInt(random.below(4 * hugeBytes));
    else if (i % 5 === 4) address = (BigInt(random.below(2 ** 30)) << 34n) ^ (BigInt(random.below(2 ** 30)) << 4n);
    // The tables alone: which TTE covers the address is for the emulator to find.
    const found = walk(arch, image, { context, pgd }, address);
    return { address, walk: found, byte: found.physical === null ? 0 : stampOf(found.physical) };
  });
}

/** Lets the bytes that are asked for tell where they lie, since most of a program's are zero. */
function stampBytes(memory: GuestMemory, probes: readonly Probe[]): void {
  for (const { walk, byte } of probes) {
    if (walk.physical !== null) memory.write(Number(walk.physical), Uint8Array.of(byte));
  }
}

function stampOf(physical: bigint): number {
  return 1 + Number(((physical >> 13n) * 31n + physical) % 255n);
}

/** What the guest is told to do: the context, then batches of TTEs, their probes and a demap. */
function ordersOf({ context, ttes }: Sparc64Roots, probes: readonly Probe[]): bigint[] {
  const bySize = new Map<bigint, Map<bigint, Tte>>();
  for (const tte of ttes) {
    const bytes = sizeOf(tte);
    const pages = bySize.get(bytes) ?? new Map<bigint, Tte>();
    bySize.set(bytes, pages);
    pages.set((tte.tag & ~CONTEXT) / bytes, tte);
  }
  const orders = order(ORDER.context, context);
  for (let first = 0; first < probes.length; first += BATCH) {
    const batch = probes.slice(first, first + BATCH);
    const wanted = new Set<Tte>();
    for (const { address } of batch) {
      for (const [bytes, pages] of bySize) {
        const tte = pages.get(address / bytes);
        if (tte !== undefined) wanted.add(tte);
      }
    }
    for (const { tag, data } of wanted) orders.push(...order(ORDER.tte, tag, data));
    for (const { address } of batch) orders.push(...order(ORDER.probe, address));
    orders.push(...order(ORDER.demap));
  }
  return [...orders, ...order(ORDER.end)];
}

const CONTEXT = 0x1fffn;

function order(what: number, a: bigint = 0n, b: bigint = 0n): bigint[] {
  return [BigInt(what), a, b, 0n];
}

/** Bytes that a TTE translates: 8K, 64K, 512K, 4M. */
function sizeOf({ data }: Tte): bigint {
  return 0x2000n << (3n * ((data >> 61n) & 3n));
}

function oursOf({ walk: { physical, rights }, byte }: Probe): Verdict {
  if (physical === null) return { load: 'miss', store: 'miss', fetch: '-' };
  return { load: `byte ${byte.toString(16)}`, store: rights.write ? 'done' : 'protection', fetch: '-' };
}

const TRAPS: Readonly<Record<number, string>> = { 104: 'miss', 108: 'protection', 48: 'exception' };

function theirsOf(results: DataView, at: number, address: bigint, context: bigint): Verdict {
  const word = (field: keyof typeof RESULT): bigint => results.getBigUint64(at + RESULT[field]);
  const said = (trap: bigint, tag: bigint, fine: string): string => {
    if (trap === 0n) return fine;
    const name = TRAPS[Number(trap)] ?? `trap ${trap.toString(16)}`;
    return tag === ((address & ~CONTEXT) | context) ? name : `${name} with tag 0x${tag.toString(16)}`;
  };
  return {
    load: said(word('loadTrap'), word('loadTag'), `byte ${word('byte').toString(16)}`),
    store: said(word('storeTrap'), word('storeTag'), 'done'),
    fetch: '-',
  };
}
