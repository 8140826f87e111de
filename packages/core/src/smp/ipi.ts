/**
 * Interrupts between CPUs (smp_call_function and the ports' own vectors). A call reaches every CPU of a mask but the
 * running one, runs its handler there, and is over when all have acknowledged. CPUs take interrupts between any two
 * steps of what they run, and plain functions are one step, so the handlers run at once, in order of the CPUs' numbers.
 */
import type { MmuHost } from '../arch/mmu.js';
import { IPI_FIRST, IPIS } from '../events/counters.js';
import { IPI, IPI_ACK } from '../events/kinds.js';
import type { Mm } from '../vma/mm.js';
import type { Cpu } from './cpu.js';

/** What interrupts are for: each has its counter. */
export const IPI_CAUSES = [
  /** One page out of the TLB. */
  'ipiFlushPage',
  /** An mm out of the TLB. */
  'ipiFlushMm',
  /** Everything out of the TLB. */
  'ipiFlushAll',
  /** Another context number for the mm that runs there. */
  'ipiContext',
  /** Cache lines of a page. */
  'ipiCache',
  /** Segments that mean something else now. */
  'ipiSegments',
  /** Any other call. */
  'ipiCall',
] as const;

export type IpiCause = (typeof IPI_CAUSES)[number];

/** What a CPU does when the interrupt comes. `mm`, null where it is about none, and `arg` are the caller's. */
export type IpiHandler<M extends Mm | null = Mm> = (cpu: Cpu, mm: M, arg: number) => void;

/**
 * Has each CPU of `mask`, a bit each, run `handler`, the running one left out. Answers how many CPUs were interrupted.
 * Law: when it returns, all of them have acknowledged.
 */
export function callFunction<M extends Mm | null>(
  host: MmuHost,
  mask: number,
  cause: IpiCause,
  handler: IpiHandler<M>,
  mm: M,
  arg: number = 0,
): number {
  const { cpus, events } = host;
  const { values } = host.counters;
  const which = IPI_CAUSES.indexOf(cause);
  let interrupted = 0;
  for (let i = 0; i < cpus.length; i++) {
    const cpu = cpus[i] as Cpu;
    if ((mask & (1 << cpu.id)) === 0 || cpu === host.cpu) continue;
    interrupted++;
    if (events.on) events.emit(IPI, cpu.id, which, mm === null ? -1 : mm.id);
    handler(cpu, mm, arg);
    if (events.on) events.emit(IPI_ACK, cpu.id);
  }
  values[IPIS] = (values[IPIS] as number) + interrupted;
  values[IPI_FIRST + which] = (values[IPI_FIRST + which] as number) + interrupted;
  return interrupted;
}
