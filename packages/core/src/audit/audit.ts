/**
 * machine.audit(): recomputes from scratch every truth that is cached somewhere, and compares (generic-mm 20). Slow on
 * purpose: nothing here trusts a counter. Each finding says which invariant, what was expected and what is there.
 */
import type { Kernel } from '../kernel.js';
import { auditAreas } from './areas.js';
import type { Finding, Say } from './finding.js';
import { auditFrames } from './frames.js';
import { auditHugetlb } from './hugetlb.js';
import { auditLru } from './lru.js';
import { auditSwap } from './swap.js';
import { auditTables, type TableCensus } from './tables.js';
import { auditTlbs } from './tlbs.js';

/** Everything the audit found; empty for a machine in order. */
export function audit(k: Kernel): Finding[] {
  const findings: Finding[] = [];
  const say = (invariant: string, message: string): void => {
    findings.push({ invariant, message });
  };
  const census: TableCensus = auditTables(k, say);
  auditAreas(k, say);
  auditFrames(k, census, say);
  if (k.hugetlb !== null) auditHugetlb(k, k.hugetlb, say);
  auditSwap(k, census, say);
  auditLru(k, say);
  auditTlbs(k, say);
  for (const part of k.auditedParts) part.audit(say);
  for (const message of k.mmu.auditExtra()) say('F24', message);
  auditLocks(k, say);
  return findings;
}

function auditLocks(k: Kernel, say: Say): void {
  for (const mm of k.mms) {
    if (!mm.mmapSem.free) say('F23', `mm ${mm.id}: mmap_sem is held at rest`);
    if (mm.pageTableLock.held) say('F23', `mm ${mm.id}: page_table_lock is held at rest`);
  }
  for (const lock of k.pteLocks.values()) if (lock.held) say('F23', 'a pte lock is held at rest');
  if (k.pteMaps !== null && k.pteMaps.depth !== 0) say('F23', `${k.pteMaps.depth} pte tables are mapped at rest`);
  if (k.gather.isOpen) say('F23', 'a gather is open at rest');
  for (const cpu of k.cpus) if (cpu.fullmmGather) say('F23', `CPU ${cpu.id}: the gather of a dying mm is open at rest`);
}
