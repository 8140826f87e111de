/**
 * The bundled traces on every machine: faults by kind are those of traces/README.md, exact, and what stands beside them
 * (copies, zero-page faults, tables, resident peak) agrees with an independent count that knows no page tables; the audit
 * recounts the machine's own figures from its bytes.
 */
import { createReadStream } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { createGunzip } from 'node:zlib';
import { LackeyParser, type MachineReport, Replayer, reportOf } from '@fourfold/replay';
import { describe, expect, test } from 'vitest';
import { MACHINES, type MachineName } from '../support/machines.js';
import { checkMisses } from '../support/misses.js';

type Trace = 'sort' | 'ls' | 'python3';
const TRACES: readonly Trace[] = ['sort', 'ls', 'python3'];

/** total = exec + load + store + copy, zero-page faults, resident peak in pages; by page size in KiB. */
const EXPECTED = {
  sort: {
    4: '271 = 114 + 78 + 64 + 15; zero 12; peak 245; after mprotect 0',
    8: '161 = 68 + 48 + 36 + 9; zero 9; peak 146; after mprotect 0',
    16: '94 = 40 + 27 + 24 + 3; zero 3; peak 88; after mprotect 0',
    64: '35 = 13 + 11 + 10 + 1; zero 2; peak 34; after mprotect 1',
  },
  ls: {
    4: '294 = 138 + 95 + 53 + 8; zero 5; peak 276; after mprotect 0',
    8: '184 = 87 + 60 + 29 + 8; zero 12; peak 171; after mprotect 0',
    16: '113 = 52 + 36 + 20 + 5; zero 9; peak 106; after mprotect 0',
    64: '45 = 19 + 13 + 10 + 3; zero 5; peak 42; after mprotect 1',
  },
  python3: {
    4: '823 = 138 + 395 + 116 + 174; zero 2; peak 638; after mprotect 0',
    8: '477 = 89 + 224 + 72 + 92; zero 7; peak 380; after mprotect 0',
    16: '285 = 53 + 134 + 49 + 49; zero 6; peak 234; after mprotect 0',
    64: '96 = 19 + 43 + 21 + 13; zero 3; peak 83; after mprotect 3',
  },
} satisfies Record<Trace, Record<4 | 8 | 16 | 64, string>>;

/** Tables at the end, root included, in the order of TRACES. */
const TABLES: Record<MachineName, readonly [string, string, string]> = {
  i386: ['pgd 1 pte 4', 'pgd 1 pte 4', 'pgd 1 pte 6'],
  'i386-pae': ['pgd 1 pmd 3 pte 5', 'pgd 1 pmd 3 pte 5', 'pgd 1 pmd 3 pte 9'],
  x86_64: ['pgd 1 pud 1 pmd 2 pte 6', 'pgd 1 pud 1 pmd 2 pte 6', 'pgd 1 pud 1 pmd 2 pte 10'],
  'ppc64-4k': ['pgd 1 pud 2 pmd 2 pte 6', 'pgd 1 pud 2 pmd 2 pte 6', 'pgd 1 pud 2 pmd 2 pte 10'],
  'ppc64-64k': ['pgd 1 pmd 1 pte 2', 'pgd 1 pmd 1 pte 2', 'pgd 1 pmd 1 pte 2'],
  'ia64-4k': ['pgd 1 pmd 2 pte 5', 'pgd 1 pmd 2 pte 5', 'pgd 1 pmd 2 pte 9'],
  'ia64-8k': ['pgd 1 pmd 2 pte 5', 'pgd 1 pmd 2 pte 5', 'pgd 1 pmd 2 pte 6'],
  'ia64-16k': ['pgd 1 pmd 2 pte 3', 'pgd 1 pmd 2 pte 3', 'pgd 1 pmd 2 pte 3'],
  'ia64-64k': ['pgd 1 pmd 1 pte 2', 'pgd 1 pmd 1 pte 2', 'pgd 1 pmd 1 pte 2'],
  'sparc64-8k': ['pgd 1 pmd 2 pte 5', 'pgd 1 pmd 2 pte 5', 'pgd 1 pmd 2 pte 6'],
  'sparc64-64k': ['pgd 1 pmd 1 pte 2', 'pgd 1 pmd 1 pte 2', 'pgd 1 pmd 1 pte 2'],
};

function describeFaults(report: MachineReport): string {
  const f = report.faults;
  return `${f.minor} = ${f.exec} + ${f.load} + ${f.store} + ${f.copy}; zero ${f.zeroPage}; peak ${report.resident.peakPages}; after mprotect ${f.reuse}`;
}

describe.each(TRACES)('%s', (trace) => {
  test('every machine takes exactly the faults of the table, and nothing is left afterwards', {
    timeout: 120_000,
  }, async () => {
    const runs = MACHINES.map((arch) => {
      const replayer = new Replayer({ arch });
      return { arch, replayer, free: replayer.machine.freePages, parser: new LackeyParser(replayer) };
    });
    const path = fileURLToPath(new URL(`../../traces/${trace}.lk.gz`, import.meta.url));
    for await (const chunk of createReadStream(path).pipe(createGunzip({ chunkSize: 1 << 20 }))) {
      for (const { parser } of runs) parser.feed(chunk as Uint8Array);
    }
    const found: Record<string, string> = {};
    const wanted: Record<string, string> = {};
    for (const { arch, replayer, free, parser } of runs) {
      parser.end();
      replayer.machine.check();
      const report = reportOf(replayer, parser.warnings, null);
      const kib = (arch.geometry.pageSize / 1024) as 4 | 8 | 16 | 64;
      const tables = Object.entries(report.tables.byLevel)
        .map(([level, n]) => `${level} ${n}`)
        .join(' ');
      found[arch.name] = `${describeFaults(report)}; tables ${tables}; problems ${report.problemCount}`;
      wanted[arch.name] =
        `${EXPECTED[trace][kib]}; tables ${TABLES[arch.name as MachineName][TRACES.indexOf(trace)]}; problems 0`;
      const { exec, data } = report.tlb;
      expect(exec.lookups + data.lookups, arch.name).toBeGreaterThan(report.records);
      expect(exec.misses, arch.name).toBeGreaterThanOrEqual(exec.missesAll);
      expect(data.misses, arch.name).toBeGreaterThanOrEqual(data.missesAll);
      checkMisses(arch, replayer.machine.counters.snapshot());
      const { costs, cycles, own } = report;
      expect(costs.reduce((sum, line) => sum + line.cycles, 0)).toBe(cycles);
      const figures = own.flatMap(({ value }) => value);
      expect(figures.length, arch.name).toBeGreaterThan(0);
      expect(figures.every((n) => Number.isInteger(n) && n >= 0)).toBe(true);
      replayer.finish();
      replayer.machine.check();
      expect(replayer.machine.freePages, `${arch.name}: frames back`).toBe(free);
    }
    expect(found).toEqual(wanted);
  });
});
