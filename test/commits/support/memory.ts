/** Small things every commit test needs: processes with areas, pages by number, entries as they are stored. */
import {
  handleMmFault,
  type Machine,
  type MappedFile,
  type MmapOptions,
  type Op,
  type Process,
  pageOutRange,
  runToEnd,
  VM_FAULT_MASK,
  VM_FAULT_WRITE,
} from '@fourfold/core';

/** Where tests map: aligned to every span below the root on every machine. */
export const AT = 0x2000_0000n;

/** Address of page `n` of the area at AT. */
export function pageAt(machine: Machine, n: number): bigint {
  return AT + BigInt(n) * BigInt(machine.pageSize);
}

/** Bytes of `n` pages. */
export function pages(machine: Machine, n: number): bigint {
  return BigInt(n) * BigInt(machine.pageSize);
}

/** Maps `n` pages at page `at` of the test area. */
export function map(
  process: Process,
  n: number,
  options: Partial<Pick<MmapOptions, 'prot' | 'flags' | 'file' | 'offset'>> = {},
  at = 0,
): bigint {
  const { machine } = process;
  return process.mmap({
    addr: pageAt(machine, at),
    length: pages(machine, n),
    prot: 'rw',
    flags: options.file === undefined ? 'private|anonymous|fixed' : 'private|fixed',
    ...options,
  });
}

/** Stores to each of pages [first, first + n) of the test area. */
export function touch(process: Process, n: number, first = 0): void {
  for (let i = 0; i < n; i++) process.store8(pageAt(process.machine, first + i), i + 1);
}

/** Loads from each of pages [first, first + n). */
export function look(process: Process, n: number, first = 0): void {
  for (let i = 0; i < n; i++) process.load8(pageAt(process.machine, first + i));
}

/** An open disk file of `n` pages that count as read. */
export function warmFile(machine: Machine, n: number, rights: Partial<MappedFile> = {}): MappedFile {
  const inode = machine.createFile('file', { size: n * machine.pageSize, warm: true });
  return { inode, readable: true, writable: true, refs: 1, ...rights };
}

/** Page number of page `n` of the test area. */
export function vpnAt(machine: Machine, n: number): number {
  return Number(pageAt(machine, n) >> BigInt(machine.kernel.memory.pageShift));
}

/** Word index of the entry of page `n` of the test area, 0 when there is no table. */
export function pteWord(process: Process, n: number): number {
  return process.machine.kernel.tables.lookupPage(process.mm, vpnAt(process.machine, n));
}

/** Both halves of the entry of page `n`, as stored; null when there is no table. */
export function pteOf(process: Process, n: number): { readonly hi: number; readonly lo: number } | null {
  const { tables, memory } = process.machine.kernel;
  const at = pteWord(process, n);
  if (at === 0) return null;
  const lo = memory.words[at + tables.loAt] as number;
  return { hi: tables.pteWords === 2 ? (memory.words[at + tables.hiAt] as number) : 0, lo };
}

/** The frame that page `n` maps, -1 when it is not present. */
export function frameOf(process: Process, n: number): number {
  const k = process.machine.kernel;
  const entry = pteOf(process, n);
  if (entry === null || !k.arch.pteFormat.isPresent(entry.hi, entry.lo)) return -1;
  return k.memory.pfnToPage(k.arch.pteFormat.frame(entry.hi, entry.lo));
}

/** Runs an operation to its end. */
export function run<T>(op: Op<T>): T {
  return runToEnd(op);
}

/** Stores an entry of page `n` as it is given, behind the kernel's back. */
export function plantPte(process: Process, n: number, hi: number, lo: number): void {
  const { tables, memory } = process.machine.kernel;
  const at = pteWord(process, n);
  memory.words[at + tables.loAt] = lo;
  if (tables.pteWords === 2) memory.words[at + tables.hiAt] = hi;
}

/** The generic fault handler called for page `n`, as the machine's fault entry calls it. */
export function* fault(process: Process, n: number, write: boolean): Op<number> {
  const { machine, mm } = process;
  const vpn = vpnAt(machine, n);
  const vma = mm.vmas.containing(vpn);
  if (vma === null) throw new Error(`page ${n} lies in no area`);
  machine.enter(process);
  return yield* handleMmFault(machine.kernel, vma, vpn, write);
}

/** What a VM_FAULT code says, without our own bits. */
export function outcome(code: number): string {
  const name = ['OOM', 'SIGBUS', 'MINOR', 'MAJOR'][code & VM_FAULT_MASK] as string;
  return (code & VM_FAULT_WRITE) !== 0 ? `${name}|WRITE` : name;
}

/** Pages out pages [first, first + n) that nobody else maps; swap must have room. */
export function swapOut(process: Process, n: number, first = 0): void {
  const { machine, mm } = process;
  const at = vpnAt(machine, first);
  machine.enter(process);
  // The first look finds the pages young, the second does not.
  for (let look = 0; look < 2; look++) runToEnd(pageOutRange(machine.kernel, mm, at, at + n));
}

/** References to all slots of all swap areas: entries in page tables and elsewhere, and the swap cache's. */
export function swapReferences(machine: Machine): number {
  let references = 0;
  for (const area of machine.kernel.swap.areas) {
    if (area !== null) for (let slot = 1; slot < area.map.length; slot++) references += area.map[slot] as number;
  }
  return references;
}
