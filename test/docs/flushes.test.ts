/**
 * docs/flushes.md is made from the fixed scenario of test/counts: what each port flushed, beside what it owed. Run with
 * UPDATE_DOCS=1 to write it anew.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { env } from 'node:process';
import type { Machine } from '@fourfold/core';
import { expect, test } from 'vitest';
import { type Counts, runScenario, type ScenarioCounts, STEPS } from '../counts/scenario.js';
import { MACHINES } from '../support/machines.js';

const PAGE = new URL('../../docs/flushes.md', import.meta.url);
const INTRODUCTION = `# What each port flushes, and what it owed

The scenario is that of \`test/counts/scenario.ts\`: a process with 1,117 pages forks, breaks copy-on-write, unmaps areas of 1
to 1,000 pages, protects eight and exits; alone on one CPU, or with a thread on each of four. The calls and interrupts behind
these figures are derived by hand in \`test/counts\`; here, every thread reads the eight pages that stay and up to eight of
those that go before each step, so that there is something in every TLB. This page is written by
\`test/docs/flushes.test.ts\`.

In a cell, **dropped : owed**: translations that the flushes of the step took out of all TLBs, levels counted apart, and those of
them that gave more than the tables did. The rest were good and must be fetched again: that is over-flushing. What
a CPU is owed may also go by a new context, which drops nothing: so there are steps that owe and show none.
`;

/** Translations dropped and owed so far, on all CPUs. */
function flushed(machine: Machine): Counts {
  const lines = machine.kernel.ledger?.overFlushed ?? [];
  const sum = (of: 'dropped' | 'owed' | 'idlePurges'): number => lines.reduce((total, line) => total + line[of], 0);
  return { dropped: sum('dropped'), owed: sum('owed'), idlePurges: sum('idlePurges') };
}

function table(title: string, cell: (counts: Counts) => string, runs: ReadonlyMap<string, ScenarioCounts>): string {
  const rows = [...runs].map(([name, counts]) => {
    return `| \`${name}\` | ${STEPS.map((step) => cell(counts[step])).join(' | ')} |`;
  });
  return [
    `### ${title}`,
    '',
    `| machine | ${STEPS.join(' | ')} |`,
    `|---|${STEPS.map(() => '---:|').join('')}`,
    ...rows,
    '',
  ].join('\n');
}

function section(cpus: 1 | 4): string {
  const runs = new Map(MACHINES.map((arch) => [arch.name, runScenario(arch, cpus, flushed, true)] as const));
  const n = (count: number | undefined): string => (count ?? 0).toLocaleString('en-US');
  const tables = [
    table('Translations dropped : owed', ({ dropped, owed }) => (dropped ? `${n(dropped)} : ${n(owed)}` : '-'), runs),
    table('Flushes that owed nothing', ({ idlePurges }) => (idlePurges ? n(idlePurges) : '-'), runs),
    ...(cpus === 1 ? [] : [table('Interrupts', ({ ipis }) => (ipis ? n(ipis) : '-'), runs)]),
  ];
  return [`## ${cpus === 1 ? 'One CPU' : `${cpus} CPUs`}`, '', ...tables].join('\n');
}

test('docs/flushes.md shows what each port flushes of the fixed scenario', () => {
  const text = [INTRODUCTION, section(1), section(4)].join('\n');
  if (env.UPDATE_DOCS === '1') writeFileSync(PAGE, text);
  else expect(existsSync(PAGE) ? readFileSync(PAGE, 'utf8') : '').toBe(text);
});
