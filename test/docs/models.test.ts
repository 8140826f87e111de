/**
 * docs/tlb-models.md is made from the descriptors (UPDATE_DOCS=1 writes it anew); docs/costs.md is written by hand, because its
 * sources are words, and must have every cost of every machine as it is.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { env } from 'node:process';
import { cheetahPlusPlainTlb, createSparc64 } from '@fourfold/arch-sparc64';
import { type ArchDescriptor, COST_NAMES, type TlbShape, type TlbUnitSpec } from '@fourfold/core/arch';
import { describe, expect, test } from 'vitest';
import { MACHINES } from '../support/machines.js';

const TLB_PAGE = new URL('../../docs/tlb-models.md', import.meta.url);
const COST_PAGE = new URL('../../docs/costs.md', import.meta.url);

const INTRODUCTION = `# TLB models

Each machine has the TLBs of one processor of its time, as data. \`fourfold arch show NAME --tlb\` prints them as a file; edited,
\`fourfold replay --tlb FILE\` and \`fourfold run --tlb FILE\` take it in the place of the machine's own. A replay with another
TLB has the same faults and other misses.

| field | holds |
|---|---|
| \`schema\`, \`version\` | \`"fourfold.tlb"\`, 1 |
| \`machines\` | names of the machines it is for; without it, any |
| \`processor\`, \`source\` | words for people; may be left out |
| \`units[]\` | \`name\`, \`sets\`, \`ways\` (one set: fully associative); \`smallest\` and \`largest\`, log2 of the bytes of the pages it takes (default: any). The bits just above its smallest page choose the set |
| \`exec\`, \`data\` | names of the units that instruction and data accesses ask, in order. For a page of some size the first one that takes it is its first level; a hit in a later one refills that. A unit may stand in both |

Both lists must begin with a unit for base pages and have one for huge pages. All units together have at most 32,767 slots. On
ppc64 the units work in pages of 4 KiB whatever the kernel's page is, and of three or more units the first two are its ERATs,
which a change of segments empties. On ia64 the walker finds the linear table's pages in the last unit of \`data\`. What a
replacement chooses is the same for all units: one used bit a slot and a hand a set.

This page is written by \`test/docs/models.test.ts\`.
`;

function pagesOf({ smallest, largest }: TlbUnitSpec): string {
  if (smallest === undefined && largest === undefined) return 'any';
  if (smallest === undefined) return `up to 2^${largest}`;
  return largest === undefined ? `from 2^${smallest}` : `2^${smallest} to 2^${largest}`;
}

function sectionOf(tlb: TlbShape, names: readonly string[]): string {
  const chain = (units: readonly number[]): string =>
    units.map((u) => (tlb.units[u] as TlbUnitSpec).name).join(', then ');
  const rows = tlb.units.map(
    (unit) => `| ${unit.name} | ${unit.sets} | ${unit.ways} | ${unit.sets * unit.ways} | ${pagesOf(unit)} |`,
  );
  return [
    `## ${tlb.processor}: ${names.map((name) => `\`${name}\``).join(', ')}\n`,
    '| unit | sets | ways | entries | pages, bytes |',
    '|---|---|---|---|---|',
    ...rows,
    '',
    `Fetches ask ${chain(tlb.exec)}; loads and stores ${chain(tlb.data)}. Source: ${tlb.source}.\n`,
  ].join('\n');
}

/** TLBs that a package has beside those of its machines, by how they are asked for. */
const OTHERS: Readonly<Record<string, TlbShape>> = {
  "createSparc64({ tlb: 'cheetah' })": createSparc64({ tlb: 'cheetah' }).tlb,
  "createSparc64({ tlb: 'cheetah', pageShift: 16 })": createSparc64({ tlb: 'cheetah', pageShift: 16 }).tlb,
  "createSparc64({ tlb: 'cheetah_plus' })": createSparc64({ tlb: 'cheetah_plus' }).tlb,
  "createSparc64({ tlb: 'cheetah_plus', pageShift: 16 })": createSparc64({ tlb: 'cheetah_plus', pageShift: 16 }).tlb,
  'createSparc64({ tlb: cheetahPlusPlainTlb(13) })': cheetahPlusPlainTlb(13),
};

function tlbPage(): string {
  const sections = new Map<string, { arch: ArchDescriptor; names: string[] }>();
  for (const arch of MACHINES) {
    const key = JSON.stringify(arch.tlb.units) + arch.tlb.processor;
    const known = sections.get(key);
    if (known === undefined) sections.set(key, { arch, names: [arch.name] });
    else known.names.push(arch.name);
  }
  return [
    INTRODUCTION,
    ...[...sections.values()].map(({ arch, names }) => sectionOf(arch.tlb, names)),
    'Others that a machine can be made with:\n',
    ...Object.entries(OTHERS).map(([how, tlb]) => sectionOf(tlb, [how])),
  ].join('\n');
}

test('docs/tlb-models.md shows the TLBs as the descriptors have them', () => {
  if (env.UPDATE_DOCS === '1') writeFileSync(TLB_PAGE, tlbPage());
  else expect(readFileSync(TLB_PAGE, 'utf8')).toBe(tlbPage());
});

test('each machine names the processor of its TLBs, and where their figures are from', () => {
  for (const { name, tlb } of MACHINES) {
    expect(tlb.processor, name).toMatch(/\w/);
    expect(tlb.source, name).toMatch(/\w/);
  }
});

describe('docs/costs.md', () => {
  /** Cycles and source by machine and cost. */
  const rows = new Map<string, { cycles: number; source: string }>();
  for (const section of readFileSync(COST_PAGE, 'utf8').split(/^## /m).slice(1)) {
    const machines = [...(section.split('\n')[0] as string).matchAll(/`([^`]+)`/g)].map(([, name]) => name as string);
    for (const [, cost, cells, source] of section.matchAll(/^\| `(\w+)` \| ([0-9; ]+) \| (.+) \|$/gm)) {
      const cycles = (cells as string).split(';').map(Number);
      machines.forEach((machine, i) => {
        rows.set(`${machine} ${cost}`, { cycles: cycles[i % cycles.length] as number, source: source as string });
      });
    }
  }

  test.each(MACHINES.map((arch) => [arch.name, arch] as const))(
    'has every cost of %s, with a source',
    (name, { cost }) => {
      const written = Object.fromEntries(COST_NAMES.map((key) => [key, rows.get(`${name} ${key}`)?.cycles]));
      expect(written).toEqual({ ...cost });
      for (const key of COST_NAMES) expect(rows.get(`${name} ${key}`)?.source, key).toMatch(/\w/);
    },
  );

  test('has no other machine and no other cost', () => expect(rows.size).toBe(MACHINES.length * COST_NAMES.length));
});
