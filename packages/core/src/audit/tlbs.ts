/**
 * Every TLB of every CPU against the live tables (F24). Stale is an entry that some access could hit now and that gives
 * a frame or a right the tables no longer give, while no flush of it is pending. Weaker rights are not stale, nor are
 * entries of contexts a port abandoned.
 */
import type { Kernel } from '../kernel.js';
import type { Cpu } from '../smp/cpu.js';
import { TLB_ABSENT, TLB_GLOBAL } from '../tlb/record.js';
import type { Say } from './finding.js';

/** Every slot of every CPU. */
export function auditTlbs(k: Kernel, say: Say): void {
  for (const cpu of k.cpus) {
    for (let slot = 0; slot < cpu.tlb.slots; slot++) {
      if (cpu.tlb.contextOf(slot) >= 0) auditSlot(k, cpu, slot, say);
    }
    auditHash(cpu, say);
  }
}

function auditSlot(k: Kernel, cpu: Cpu, slot: number, say: Say): void {
  const { tlb } = cpu;
  if ((tlb.attrsOf(slot) & (TLB_GLOBAL | TLB_ABSENT)) !== 0) return;
  const mm = k.mmu.mmOfSlot(cpu, slot);
  if (mm === null) return;
  const vpn = Math.floor(tlb.pageOf(slot) / 2 ** k.arch.tlbSubShift);
  const { batch } = cpu;
  if (batch.mm === mm) {
    for (let i = 0; i < batch.nr; i++) if (batch.vpn[i] === vpn) return;
  }
  const truth = k.mmu.truth(mm, cpu, slot);
  const rights = tlb.rightsOf(slot);
  if (truth.frame < 0) {
    say('F24', `CPU ${cpu.id}: stale translation of page ${vpn} of mm ${mm.id}: the tables have none`);
  } else if (truth.frame !== tlb.frameOf(slot)) {
    say(
      'F24',
      `CPU ${cpu.id}: stale translation of page ${vpn} of mm ${mm.id}: frame of page ${tlb.frameOf(slot)}, tables say ${truth.frame}`,
    );
  } else if ((rights & ~truth.rights) !== 0) {
    say('F24', `CPU ${cpu.id}: page ${vpn} of mm ${mm.id}: TLB rights ${rights}, tables give ${truth.rights}`);
  }
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
