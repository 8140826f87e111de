/**
 * docs/quirks has a page for each port, made from its tests of test/quirks: every sentence of theirs, with its source and
 * where it is tested. Run with UPDATE_DOCS=1 to write them anew.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { env } from 'node:process';
import { describe, expect, test } from 'vitest';
import { collectOnly, MACHINES_OF, machinesOf, PORTS, type Port, type QuirkTest } from '../quirks/support/quirk.js';

const PAGES = new URL('../../docs/quirks/', import.meta.url);
const FOLDER = new URL('../quirks/', import.meta.url);

function introduction(port: Port): string {
  return `# What only ${port} does

Each line is something that this port of the kernel does and a memory manager built from the manuals would not, with its
source and the test that fails without it. This page is written by \`test/docs/quirks.test.ts\` from the tests of
\`test/quirks/${port}\`.
`;
}

interface Entry {
  readonly file: string;
  readonly given: QuirkTest;
}

async function collect(port: Port): Promise<Entry[]> {
  collectOnly();
  const files = readdirSync(new URL(`${port}/`, FOLDER))
    .filter((name) => name.endsWith('.test.ts'))
    .sort();
  return Promise.all(
    files.map(async (name) => {
      const file = `${port}/${name}`;
      const module = (await import(new URL(file, FOLDER).href)) as { default: QuirkTest };
      return { file, given: module.default };
    }),
  );
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

describe.each(PORTS)('%s', (port) => {
  test('the page lists what is tested', async () => {
    const page = new URL(`${port}.md`, PAGES);
    const text = [introduction(port), ...(await collect(port)).map(section)].join('\n');
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
