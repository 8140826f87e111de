/**
 * Every TLB of every CPU against the live tables (F24). Stale is an entry that some access could hit now and that gives
 * a frame or a right the tables no longer give, while no flush of it is pending. Weaker rights are not stale, nor are
 * entries of contexts a port abandoned. With a flush ledger: what is due to a CPU that runs user mode.
 */
import type { Kernel } from '../kernel.js';
import { staleSlot } from '../ledger/hits.js';
import type { Cpu } from '../smp/cpu.js';
import type { Say } from './finding.js';

/** Every slot of every CPU. */
export function auditTlbs(k: Kernel, say: Say): void {
  for (const cpu of k.cpus) {
    for (let slot = 0; slot < cpu.tlb.slots; slot++) {
      const stale = cpu.tlb.contextOf(slot) < 0 ? null : staleSlot(k, cpu, slot);
      if (stale !== null) say('F24', stale);
    }
    auditHash(cpu, say);
  }
  for (const owed of k.ledger?.findings() ?? []) say('F24', owed);
}

/** Slots reachable through the hash are in use, each once. */
function auditHash(cpu: Cpu, say: Say): void {
  const { tlb } = cpu;
  const seen = new Set<number>();
  for (let bucket = 0; bucket < tlb.head.length; bucket++) {
    for (let slot = tlb.head[bucket] as number; slot >= 0; slot = tlb.linkOf(slot)) {
      if (seen.has(slot)) {
        say('F24', `CPU ${cpu.id}: slot ${slot} is chained twice`);
        break;
      }
      seen.add(slot);
      if (tlb.contextOf(slot) < 0) say('F24', `CPU ${cpu.id}: empty slot ${slot} is chained`);
    }
  }
}
