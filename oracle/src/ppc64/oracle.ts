/**
 * ppc64 by the MMU of qemu's 970: the image is the guest's memory, SDR1 and the SLB are loaded as it says, and code of ours
 * (code.ts) loads, stores and fetches through our hash table.
 *
 * What the hardware finds is what has been hashed, so our answer has two sources: whether there is an entry and what it
 * allows comes from the hash table, but the byte behind it is the one at the frame that the Linux tables name.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { addressOf, type Ppc64Mmu, type Ppc64Roots } from '@fourfold/arch-ppc64';
import { describeImage, type ImageProcess, imageOf, type Process } from '@fourfold/core';
import { type ArchDescriptor, type Walk, walk } from '@fourfold/core/arch';
import { runEmulatorUntil } from '../emulator.js';
import { byteAt, GuestMemory } from '../guest.js';
import type { Comparison, Oracle, Verdict } from '../oracle.js';
import { type Program, runProgram } from '../programs.js';
import { walkLines } from '../walk-lines.js';
import { guestCode, PARAMETER, PARAMETERS_AT, RESULT, RESULT_BYTES, romCode, USER_MSR } from './code.js';

const MIB = 2 ** 20;
/** RAM of the simulated machine begins behind what the guest code needs. */
const BASE = 16 * MIB;
const BYTES = 112 * MIB;
const ARENA = 0x2000_0000n;
const PAGES = 1200;
const HUGE = 0x4000_0000n;
const SLB_AT = 0x4000;
const LIST_AT = 1 * MIB;
const RESULTS_AT = 4 * MIB;
const EMULATOR = 'qemu-system-ppc64';

/** DSISR, and SRR1 of a fetch. */
const NO_ENTRY = 0x4000_0000;
const NO_EXECUTE = 0x1000_0000;
const REFUSED = 0x0800_0000;
const STORE = 0x0200_0000;
const CAUSES = NO_ENTRY | NO_EXECUTE | REFUSED | STORE;

/** The oracle of one ppc64 machine. */
export function ppc64Oracle(arch: ArchDescriptor): Oracle {
  return {
    arch,
    emulator: EMULATOR,
    debianPackage: 'qemu-system-ppc',
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
  /** What a load must give: the byte at `frame`, where the Linux tables say that the address lies; -1 where they say nothing. */
  byte: number;
  readonly frame: bigint | null;
  readonly isFetched: boolean;
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
  const roots = (described as ImageProcess).roots as Ppc64Roots;
  const probes = probesOf(program, roots, hashedPages(program, process), count);
  const memory = new GuestMemory(machine, join(folder, 'memory.raw'));
  stampBytes(memory, probes);
  const rom = join(folder, 'rom.bin');
  writeFileSync(rom, romCode());
  memory.write(0, guestCode());
  memory.writeWords(
    SLB_AT,
    roots.slb.flatMap(({ esid, vsid }) => [vsid, esid]),
  );
  memory.writeWords(
    LIST_AT,
    probes.flatMap(({ address, isFetched }) => [address, isFetched ? 1n : 0n]),
  );
  const parameters = { sdr1: roots.sdr1, nrSlb: roots.slb.length, slb: SLB_AT, list: LIST_AT, results: RESULTS_AT };
  for (const [name, value] of Object.entries({ ...parameters, count, userMsr: USER_MSR, done: 0 })) {
    memory.writeWords(PARAMETERS_AT + PARAMETER[name as keyof typeof PARAMETER], [BigInt(value)]);
  }
  const isDone = (): boolean => memory.read(PARAMETERS_AT + PARAMETER.done, 8).getBigUint64(0) !== 0n;
  await runEmulatorUntil(EMULATOR, argumentsOf(memory.path, rom), isDone);
  const results = memory.read(RESULTS_AT, count * RESULT_BYTES);
  memory.close();
  return probes.map((probe, i) => ({
    process: label,
    address: probe.address,
    ours: oursOf(probe),
    theirs: theirsOf(results, i * RESULT_BYTES, probe),
    walk: () => walkLines(probe.walk),
  }));
}

function argumentsOf(memory: string, rom: string): string[] {
  return [
    ...['-M', 'mac99,memory-backend=ram', '-cpu', '970', '-m', `${(BASE + BYTES) / MIB}M`],
    ...['-object', `memory-backend-file,id=ram,size=${BASE + BYTES},mem-path=${memory},share=on`],
    ...['-bios', rom, '-accel', 'tcg', '-nodefaults', '-display', 'none'],
  ];
}

/** Pages of 4 KiB that a process has entries for in the hash table: of a larger page, the first. */
function hashedPages({ machine }: Program, { mm }: Process): number[] {
  const { table } = machine.kernel.mmu as Ppc64Mmu;
  const { words } = machine.kernel.memory;
  const pages: number[] = [];
  for (let group = 0; group < table.groups; group++) {
    for (let slot = 0; slot < 8; slot++) {
      const at = table.entryAt(group, slot);
      const v = (BigInt((words[at] as number) >>> 0) << 32n) | BigInt((words[at + 1] as number) >>> 0);
      const r = (BigInt((words[at + 2] as number) >>> 0) << 32n) | BigInt((words[at + 3] as number) >>> 0);
      const { context, page } = addressOf(v, r, group);
      if ((v & 1n) !== 0n && context === mm.context) pages.push(page);
    }
  }
  return pages;
}

/** Addresses of hashed pages, of the arena, of huge pages and from all over, each with what our tables say. */
function probesOf({ machine, random }: Program, roots: Ppc64Roots, hashed: number[], count: number): Probe[] {
  const { arch, kernel } = machine;
  const image = imageOf(kernel.memory);
  const hugeBytes = arch.huge === null ? 0 : 2 ** arch.huge.shift;
  return Array.from({ length: count }, (_, i) => {
    let address = ARENA + BigInt(random.below((PAGES + 8) * arch.pageSize));
    if (i % 5 === 0 && hashed.length > 0) address = BigInt(random.pick(hashed) * 4096 + random.below(4096));
    else if (i % 5 === 3 && hugeBytes > 0) address = HUGE + BigInt(random.below(4 * hugeBytes));
    else if (i % 5 === 4) address = (BigInt(random.below(2 ** 30)) << 34n) ^ (BigInt(random.below(2 ** 30)) << 4n);
    if (i % 2 === 1) address &= ~3n;
    const found = walk(arch, image, roots, address);
    if (found.physical === null)
      return { address, walk: found, byte: 0, frame: null, isFetched: (address & 3n) === 0n };
    const frame = found.beside?.physical ?? null;
    const isFetched = (address & 3n) === 0n && image.read(found.physical, 4) === 0n;
    return { address, walk: found, byte: frame === null ? -1 : byteAt(machine, frame), frame, isFetched };
  });
}

/** Lets bytes tell where they lie, since most of a program's are zero; but for the words that are fetched, which have to be. */
function stampBytes(memory: GuestMemory, probes: readonly Probe[]): void {
  const fetched = new Set(probes.filter(({ isFetched }) => isFetched).map(({ frame }) => (frame ?? 0n) >> 2n));
  for (const probe of probes) {
    const { frame } = probe;
    if (frame === null || fetched.has(frame >> 2n)) continue;
    probe.byte = 1 + Number(((frame >> 12n) * 31n + frame) % 255n);
    memory.write(Number(frame), Uint8Array.of(probe.byte));
  }
}

function oursOf({ walk: { physical, rights, missing }, byte, isFetched }: Probe): Verdict {
  const fetch = (verdict: string): string => (isFetched ? verdict : '-');
  if (missing.startsWith('no SLB entry'))
    return { load: 'no segment', store: 'no segment', fetch: fetch('no segment') };
  if (physical === null) {
    return { load: fault(NO_ENTRY), store: fault(NO_ENTRY | STORE), fetch: fetch(fault(NO_ENTRY)) };
  }
  return {
    load: rights.read ? `byte ${byte.toString(16)}` : fault(REFUSED),
    store: rights.write ? 'done' : fault(REFUSED | STORE),
    fetch: fetch(rights.exec ? 'done' : fault(rights.read ? NO_EXECUTE : REFUSED)),
  };
}

const DATA_STORAGE = 0x300;
const DATA_SEGMENT = 0x380;
const INSTRUCTION_STORAGE = 0x400;
const INSTRUCTION_SEGMENT = 0x480;
/** The interrupt of a word that is no instruction: it was fetched. */
const PROGRAM = 0x700;

function theirsOf(results: DataView, at: number, { address, isFetched }: Probe): Verdict {
  const word = (field: keyof typeof RESULT): bigint => results.getBigUint64(at + RESULT[field]);
  const said = (vector: bigint, cause: bigint, where: bigint, fine: string): string => {
    if (vector === 0n) return fine;
    if (where !== address) return `interrupt ${vector.toString(16)} at 0x${where.toString(16)}`;
    const isSegment = vector === BigInt(DATA_SEGMENT) || vector === BigInt(INSTRUCTION_SEGMENT);
    if (isSegment) return 'no segment';
    if (vector === BigInt(DATA_STORAGE) || vector === BigInt(INSTRUCTION_STORAGE)) return fault(Number(cause) & CAUSES);
    return `interrupt ${vector.toString(16)}`;
  };
  const fetchVector = word('fetchVector');
  const isExecuted = fetchVector === BigInt(PROGRAM) && word('fetchAt') === address;
  return {
    load: said(word('loadVector'), word('loadCause'), word('loadDar'), `byte ${word('byte').toString(16)}`),
    store: said(word('storeVector'), word('storeCause'), word('storeDar'), 'done'),
    fetch: !isFetched ? '-' : isExecuted ? 'done' : said(fetchVector, word('fetchCause'), word('fetchAt'), 'nothing'),
  };
}

function fault(cause: number): string {
  return `fault ${cause.toString(16)}`;
}
