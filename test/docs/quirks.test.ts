/**
 * docs/quirks has a page for each port, made from its tests of test/quirks: every sentence of theirs, with its source and
 * where it is tested, and the facts of its reference sheet (test/quirks/PORT/sheet.ts). UPDATE_DOCS=1 writes them anew.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { env } from 'node:process';
import { describe, expect, test } from 'vitest';
import { collect, collectSheet, type Entry, sentencesOf } from '../quirks/support/collect.js';
import { MACHINES_OF, machinesOf, PORTS, type Port } from '../quirks/support/quirk.js';
import { type Proof, proofsOf, type Sheet } from '../quirks/support/sheet.js';

const PAGES = new URL('../../docs/quirks/', import.meta.url);

function introduction(port: Port): string {
  return `# What only ${port} does

Each line is something that this port of the kernel does and a memory manager built from the manuals would not, with its
source and the test that fails without it. This page is written by \`test/docs/quirks.test.ts\` from the tests of
\`test/quirks/${port}\`.
`;
}

function escaped(text: string): string {
  return text.replaceAll('|', '\\|');
}

function section({ file, given }: Entry): string {
  const rows = Object.entries(given.quirks).map(([sentence, quirk]) => {
    const machines = machinesOf(given, quirk);
    const who = machines.length === MACHINES_OF[given.port].length ? 'all' : machines.join(', ');
    return `| ${escaped(sentence)} | ${who} | ${escaped(quirk.source)} |`;
  });
  return `## ${given.about}

[\`test/quirks/${file}\`](../../test/quirks/${file})

| what | machines | source |
|---|---|---|
${rows.join('\n')}
`;
}

/** Where a fact is tested: a heading of this page and the sentence, or a file and a title. */
function shown(entries: readonly Entry[], proof: Proof): string {
  if (typeof proof !== 'string') {
    return `[\`${proof.file}\`](../../${proof.file}): ${escaped(proof.title)}`;
  }
  const said = sentencesOf(entries, proof)[0];
  if (said === undefined) return '';
  const { about } = said.entry.given;
  const anchor = about
    .toLowerCase()
    .replace(/[^\w -]/g, '')
    .replaceAll(' ', '-');
  return `[${about}](#${anchor}): ${escaped(proof)}${said.sentence === proof ? '' : ' …'}`;
}

function sheetSections(entries: readonly Entry[], { port, sections }: Sheet): string[] {
  const absent: string[] = [];
  const tables = Object.entries(sections).map(([title, facts]) => {
    const rows = Object.entries(facts).flatMap(([fact, given]) => {
      const proofs = proofsOf(given);
      if (!('notModelled' in proofs)) {
        return [`| ${escaped(fact)} | ${proofs.map((proof) => shown(entries, proof)).join('<br>')} |`];
      }
      absent.push(`- ${title.split(' ')[0]}: ${fact} (${proofs.notModelled})`);
      return [];
    });
    return rows.length === 0 ? '' : `### ${title}\n\n| fact | tested by |\n|---|---|\n${rows.join('\n')}\n`;
  });
  const left = `## Not modelled

By section of the sheet: what the port does and nothing here does, and why.

${absent.join('\n')}
`;
  return [
    `## Against the reference sheet

The facts about ${port} that were collected from the kernel and the manuals before it was built, by section, and the tests
that fail without each: sentences of this page, or titles of other tests. The list is \`test/quirks/${port}/sheet.ts\`.
`,
    ...tables.filter((table) => table !== ''),
    ...(absent.length > 0 ? [left] : []),
  ];
}

describe.each(PORTS)('%s', (port) => {
  test('the page lists what is tested', async () => {
    const page = new URL(`${port}.md`, PAGES);
    const [entries, sheet] = [await collect(port), await collectSheet(port)];
    const against = sheet === null ? [] : sheetSections(entries, sheet);
    const text = [introduction(port), ...entries.map(section), ...against].join('\n');
    if (env.UPDATE_DOCS === '1') writeFileSync(page, text);
    else expect(existsSync(page) ? readFileSync(page, 'utf8') : '').toBe(text);
  });

  test('every file is of the port, and no sentence is said twice', async () => {
    const entries = await collect(port);
    for (const { file, given } of entries) expect(given.port, file).toBe(port);
    const said = entries.flatMap(({ given }) => Object.keys(given.quirks));
    expect(said.length).toBe(new Set(said).size);
  });
});
