/**
 * The tables of docs/adding-a-machine.md are the docstrings of the contract; a field without one belongs to the field above it. Run
 * with UPDATE_DOCS=1 to write them anew.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { env } from 'node:process';
import { expect, test } from 'vitest';

const PAGE = new URL('../../docs/adding-a-machine.md', import.meta.url);
const ARCH = new URL('../../packages/core/src/arch/', import.meta.url);
const BEGIN = '<!-- contract: kept by test/docs/contract.test.ts -->\n';
const END = '<!-- /contract -->';

/** Interfaces of data, and the file each is in, in the order of the page. */
const INTERFACES: readonly (readonly [name: string, file: string])[] = [
  ['ArchSpec', 'descriptor.ts'],
  ['LevelSpec', 'geometry.ts'],
  ['RegionSpec', 'geometry.ts'],
  ['UpperFormatSpec', 'table-format.ts'],
  ['PteFormatSpec', 'pte-format.ts'],
  ['LayoutSpec', 'layout.ts'],
  ['GateSpec', 'layout.ts'],
  ['TlbShape', 'mmu-data.ts'],
  ['TlbUnitSpec', 'mmu-data.ts'],
  ['PendingFlushSpec', 'mmu-data.ts'],
  ['GatherSpec', 'mmu-data.ts'],
  ['QuicklistSpec', 'descriptor.ts'],
  ['FaultRulesSpec', 'mmu-data.ts'],
  ['HugetlbSpec', 'hugetlb.ts'],
  ['KernelSpaceSpec', 'kernel-space.ts'],
  ['LinearMapSpec', 'kernel-space.ts'],
];

/** Classes of code, likewise. */
const CLASSES: readonly (readonly [name: string, file: string])[] = [
  ['Mmu', 'mmu.ts'],
  ['KernelAccess', 'kernel-access.ts'],
];

interface Member {
  readonly names: readonly string[];
  /** It has to be said. */
  readonly isNeeded: boolean;
  readonly says: string;
}

/** The text between the braces of a declaration. */
function bodyOf(declaration: string, file: string): string {
  const text = readFileSync(new URL(file, ARCH), 'utf8');
  const start = text.indexOf(declaration);
  if (start < 0) throw new Error(`${file} has no ${declaration}`);
  return text.slice(start, text.indexOf('\n}\n', start));
}

/** A docstring as one line, its tags as sentences. */
function oneLine(docstring: string): string {
  return docstring
    .replaceAll(/\n\s*\* ?/g, ' ')
    .replaceAll(/@param (\w+) /g, '`$1`: ')
    .replaceAll('@returns ', 'Answers ')
    .replaceAll('|', '\\|')
    .replaceAll(/\s+/g, ' ')
    .trim();
}

const DOCSTRING = String.raw`^(?: {2}\/\*\* ?((?:(?!\*\/)[\s\S])*?) ?\*\/\n)?`;
const FIELD = new RegExp(String.raw`${DOCSTRING} {2}readonly (\w+)(\??):`, 'gm');
/** Of two blanks, so neither a statement inside of one nor, by their names, the constructor and what is private. */
const METHOD = new RegExp(
  String.raw`${DOCSTRING} {2}(abstract )?\*?(?!constructor|private|protected)(\w+)\([^)]*\)(?:: [^{;]+)?[{;]`,
  'gm',
);

function fieldsOf(name: string, file: string): Member[] {
  const members: Member[] = [];
  for (const [, says = '', member = '', optional] of bodyOf(`interface ${name} `, file).matchAll(FIELD)) {
    const above = members[members.length - 1];
    if (says === '' && above !== undefined) members[members.length - 1] = { ...above, names: [...above.names, member] };
    else members.push({ names: [member], isNeeded: optional === '', says: oneLine(says) });
  }
  return members;
}

function methodsOf(name: string, file: string): Member[] {
  return [...bodyOf(`class ${name} `, file).matchAll(METHOD)].map(([, says = '', isAbstract, member = '']) => ({
    names: [member],
    isNeeded: isAbstract !== undefined,
    says: oneLine(says),
  }));
}

function tableOf(title: string, heading: string, members: readonly Member[]): string {
  const rows = members.map(
    ({ names, isNeeded, says }) =>
      `| ${names.map((name) => `\`${name}\``).join(', ')} | ${isNeeded ? 'yes' : ''} | ${says} |`,
  );
  return [`### ${title}`, '', `| ${heading} | needed | |`, '|---|---|---|', ...rows, ''].join('\n');
}

const DATA = INTERFACES.map(([name, file]) => [name, fieldsOf(name, file)] as const);
const CODE = CLASSES.map(([name, file]) => [name, methodsOf(name, file)] as const);

function page(): string {
  return [
    ...DATA.map(([name, members]) => tableOf(name, 'field', members)),
    '## The code\n',
    ...CODE.map(([name, members]) => tableOf(name, 'method', members)),
  ].join('\n');
}

test('every part of the contract says what it is', () => {
  const mute = [...DATA, ...CODE].flatMap(([name, members]) =>
    members.filter(({ says }) => says === '').map(({ names }) => `${name}.${names[0]}`),
  );
  expect(mute).toEqual([]);
  expect(DATA.filter(([, members]) => members.length === 0).map(([name]) => name)).toEqual([]);
  expect(CODE.map(([, members]) => members.filter(({ isNeeded }) => isNeeded).flatMap(({ names }) => names))).toEqual([
    ['miss', 'switchMm', 'mmOfSlot', 'flushPage', 'flushRange', 'flushMm', 'gatherFlush'],
    [],
  ]);
});

test('docs/adding-a-machine.md has the contract as it is', () => {
  const text = readFileSync(PAGE, 'utf8');
  const start = text.indexOf(BEGIN) + BEGIN.length;
  const end = text.indexOf(END);
  expect(end).toBeGreaterThan(BEGIN.length);
  if (env.UPDATE_DOCS === '1') writeFileSync(PAGE, text.slice(0, start) + page() + text.slice(end));
  else expect(text.slice(start, end)).toBe(page());
});
