/**
 * docs/commits.md is made from the tests of test/commits: their outcomes are run here, and the page must show what comes out.
 * Run with UPDATE_DOCS=1 to write it anew.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { env } from 'node:process';
import { SWITCHES } from '@fourfold/core';
import { expect, test } from 'vitest';
import { type CommitTest, collectOnly, machinesOf, type Outcome, runOutcome } from '../commits/support/commit.js';
import { HISTORY } from '../commits/support/history.js';
import { MACHINES } from '../support/machines.js';

const PAGE = new URL('../../docs/commits.md', import.meta.url);
const FOLDER = new URL('../commits/', import.meta.url);
const INTRODUCTION = `# The commits

The reference follows fifty commits to the kernel's \`mm/memory.c\`. Each has a test of its own, which states what the commit
brought as outcomes, values that a scenario gives on a machine. Where the commit can be taken out
(\`new Machine({ without: ['51c6f666fc'] })\`) the same scenario is run without it and must give the other value.

A commit that later ones replaced is shown by what replaced it. The results are those of x86_64, or of the first machine
named; the tests run on all of them. This page is written by \`test/docs/commits.test.ts\`.
`;

interface Entry {
  readonly file: string;
  readonly given: CommitTest;
}

async function collect(): Promise<Entry[]> {
  collectOnly();
  const files = readdirSync(FOLDER).filter((name) => name.endsWith('.test.ts'));
  return Promise.all(
    files.map(async (file) => {
      const module = (await import(new URL(file, FOLDER).href)) as { default: CommitTest };
      return { file, given: module.default };
    }),
  );
}

/** A value for a reader: repeated items of a list once, with how often. */
function shown(value: unknown): string {
  if (Array.isArray(value)) {
    if (value.length === 0) return 'none';
    const items = value.map(shown);
    const starts = items.map((_, i) => i).filter((i) => items[i] !== items[i - 1]);
    const runs = starts.map((start, n) => {
      const times = (starts[n + 1] ?? items.length) - start;
      return times > 3
        ? `${items[start]} (${times} times)`
        : Array.from({ length: times }, () => items[start]).join(', ');
    });
    return value.some(Array.isArray) ? `[${runs.join('], [')}]` : runs.join(', ');
  }
  if (typeof value === 'object' && value !== null) {
    const fields = Object.entries(value).map(([name, field]) => `${name}: ${shown(field)}`);
    return fields.join('; ');
  }
  return escaped(String(value));
}

function escaped(text: string): string {
  return text.replaceAll('|', '\\|');
}

/** The outcome on x86_64, or on the first machine it concerns. */
function result(given: CommitTest, outcome: Outcome, without: readonly string[]): string {
  const machines = machinesOf(given, outcome);
  const arch = machines.find((m) => m.name === 'x86_64') ?? machines[0];
  return arch === undefined ? 'no machine' : shown(runOutcome(outcome, arch, without));
}

function machineNames(given: CommitTest): string {
  if (given.machines === undefined) return 'all';
  return given.machines.length > MACHINES.length / 2
    ? `all but ${MACHINES.filter((m) => !given.machines?.some((name) => name === m.name))
        .map((m) => m.name)
        .join(', ')}`
    : given.machines.join(', ');
}

function page(entries: readonly Entry[]): string {
  const rows: string[] = [];
  for (const { hash, date, subject, fate } of HISTORY) {
    const entry = entries.find(({ given }) => given.commits.includes(hash));
    if (entry === undefined) continue;
    const { file, given } = entry;
    const outcomes = Object.entries(given.outcomes);
    const switched = outcomes.filter(([, outcome]) => outcome.without !== undefined);
    const listed = switched.length > 0 ? switched : outcomes.slice(0, 1);
    listed.forEach(([what, outcome], i) => {
      const head =
        i > 0
          ? ' | | |'
          : ` [\`${hash}\`](../test/commits/${file}) ${date} | ${escaped(subject)} (${fate}) | ${machineNames(given)} |`;
      const without = outcome.without === undefined ? '' : result(given, outcome, given.commits);
      rows.push(`|${head} ${escaped(what)} | ${result(given, outcome, [])} | ${without} |`);
    });
  }
  return `${INTRODUCTION}
| commit and its test | subject | machines | what | result | without it |
|---|---|---|---|---|---|
${rows.join('\n')}
`;
}

test('the page of commits says what their tests give', async () => {
  const text = page(await collect());
  if (env.UPDATE_DOCS === '1') writeFileSync(PAGE, text);
  else expect(existsSync(PAGE) ? readFileSync(PAGE, 'utf8') : '').toBe(text);
});

test('each file is named after its commit, and each commit has one test', async () => {
  const entries = await collect();
  for (const { file, given } of entries) {
    const [first] = given.commits;
    const known = HISTORY.find(({ hash }) => hash === first);
    expect(known, `${file} is of no commit of the history`).toBeDefined();
    expect(file.startsWith(`${first}-`)).toBe(true);
  }
  const named = entries.flatMap(({ given }) => given.commits);
  expect(named.length).toBe(new Set(named).size);
  expect([...named].sort()).toEqual(HISTORY.map(({ hash }) => hash).sort());
});

test('what can be taken out is taken out by a test', async () => {
  const entries = await collect();
  const tested = entries.filter(({ given }) => Object.values(given.outcomes).some((o) => o.without !== undefined));
  const names = tested.flatMap(({ given }) => given.commits);
  for (const commit of Object.keys(SWITCHES)) expect(names).toContain(commit);
});
