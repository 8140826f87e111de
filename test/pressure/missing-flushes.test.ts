/**
 * A flush taken out of a port is found: the random programs of the soak fail, without a lucky access, and say which call left
 * which CPU alone. Each entry is a method of the port's Mmu that does nothing.
 */
import { KernelBug } from '@fourfold/core';
import { ArchDescriptor, type Cpu, type Mm, type Mmu, type MmuHost } from '@fourfold/core/arch';
import { describe, expect, test } from 'vitest';
import { type MachineName, machine } from '../support/machines.js';
import { runPressure } from './program.js';

/** What is taken out, and what the run says of it. */
const TAKEN_OUT = {
  flushPage: (mmu) => {
    mmu.flushPage = () => {};
  },
  flushRange: (mmu) => {
    mmu.flushRange = () => {};
  },
  flushMm: (mmu) => {
    mmu.flushMm = () => {};
  },
  flushTables: (mmu) => {
    mmu.flushTables = () => {};
  },
  /** The batch is emptied and nothing is sent. */
  flushPending: (mmu) => {
    mmu.flushPending = ({ batch }) => {
      batch.nr = 0;
      batch.mm = null;
    };
  },
  gatherFlush: (mmu) => {
    mmu.gatherFlush = () => {};
  },
  /** Contexts and address spaces are switched without a flush. */
  switchMm: (mmu) => {
    const switchMm = mmu.switchMm.bind(mmu);
    mmu.switchMm = (cpu: Cpu, prev: Mm | null, next: Mm) => {
      const { dropAll, dropContext } = cpu.tlb;
      cpu.tlb.dropAll = () => 0;
      cpu.tlb.dropContext = () => 0;
      switchMm(cpu, prev, next);
      cpu.tlb.dropAll = dropAll;
      cpu.tlb.dropContext = dropContext;
    };
  },
} satisfies Record<string, (mmu: Mmu) => void>;

const LEFT = /CPU \d may still use page 0x[0-9a-f]+ of mm \d+: /;
const CONTEXT =
  /loaded context \d+ for mm \d+ with what it holds of mm|may still use what it holds of mm \d+ under this context|switched to user mode: CPU \d may still use page|hit of a CPU \d+: stale translation/;
/** A fault that comes again and again: the CPU never sees what the handler did. */
const ENDLESS = /makes no progress/;
/** Whichever of the two comes first: without the batch neither a weaker entry is seen nor a stronger one. */
const LEFT_OR_ENDLESS = new RegExp(`${LEFT.source}|${ENDLESS.source}`);

/** What each machine needs, and how its absence shows. */
const FOUND: Readonly<Record<string, Readonly<Partial<Record<keyof typeof TAKEN_OUT, readonly RegExp[]>>>>> = {
  x86_64: {
    flushPage: [LEFT, /flush_tlb_page/],
    flushRange: [LEFT, /flush_tlb_range/],
    flushMm: [LEFT],
    gatherFlush: [LEFT, /tlb_flush/],
    switchMm: [CONTEXT],
  },
  'i386-pae': {
    flushPage: [LEFT, /flush_tlb_page/],
    flushRange: [LEFT, /flush_tlb_range/],
    flushMm: [LEFT],
    gatherFlush: [LEFT, /tlb_flush/],
    switchMm: [CONTEXT],
  },
  'ppc64-4k': {
    flushPage: [LEFT, /flush_tlb_page/],
    flushRange: [LEFT, /flush_tlb_range/],
    flushMm: [LEFT, /flush_tlb_mm/],
    flushPending: [LEFT],
  },
  'ia64-16k': {
    flushPage: [ENDLESS],
    flushRange: [LEFT, /flush_tlb_range/],
    flushMm: [LEFT, /flush_tlb_mm/],
    gatherFlush: [LEFT, /tlb_flush/],
  },
  'sparc64-8k': {
    flushPage: [ENDLESS],
    flushRange: [LEFT, /flush_tlb_range/],
    flushMm: [LEFT, /flush_tlb_mm/],
    flushTables: [LEFT, /unlinked its page table/],
    flushPending: [LEFT_OR_ENDLESS],
    gatherFlush: [LEFT, /tlb_flush/],
    switchMm: [CONTEXT],
  },
};

/** The machine with one method taken out. */
function without(name: MachineName, method: keyof typeof TAKEN_OUT): ArchDescriptor {
  const arch = machine(name);
  return Object.assign(Object.create(ArchDescriptor.prototype) as ArchDescriptor, arch, {
    createMmu(host: MmuHost) {
      const mmu = arch.createMmu(host);
      TAKEN_OUT[method](mmu);
      return mmu;
    },
  });
}

describe.each(Object.entries(FOUND))('%s', (name, methods) => {
  test.each(Object.entries(methods))('without %s', (method, says) => {
    let thrown: unknown;
    try {
      runPressure({
        arch: without(name as MachineName, method as keyof typeof TAKEN_OUT),
        seed: 3,
        steps: 5000,
        auditEvery: Number.POSITIVE_INFINITY,
      });
    } catch (error) {
      thrown = (error as Error).cause;
    }
    expect(thrown).toBeInstanceOf(KernelBug);
    for (const what of says) expect((thrown as Error).message).toMatch(what);
  });
});
