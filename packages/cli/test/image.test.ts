/** `image` and `walk`: out into files and back in, on every machine; dumps and registers that are none. */
import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ImageDocument } from '@fourfold/core';
import { afterAll, expect, test } from 'vitest';
import { MACHINES } from '../src/machines.js';
import { command, scratchFolder } from './support/command.js';

const folder = scratchFolder();
afterAll(() => rmSync(folder, { recursive: true }));

const SCENARIO = 'mmap 0 4 rw private,anon,fixed\nwrite 0 7\nfork B\nB: write 0 8\nwrite 2 9\n';
const file = join(folder, 'image.mm');
writeFileSync(file, SCENARIO);

interface WalkLine {
  readonly address: string;
  readonly physical: string | null;
  readonly missing: string;
  readonly beside: WalkLine | null;
}

async function walked(args: readonly string[]): Promise<WalkLine[]> {
  const { status, stdout, stderr } = await command(['walk', ...args, '--json']);
  expect([status, stderr]).toEqual([0, '']);
  return stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as WalkLine);
}

for (const { name, pageSize, byteOrder } of MACHINES) {
  test(`${name}: what a process wrote lies where the walk says`, async () => {
    const out = join(folder, name);
    const { status } = await command(['image', file, '--arch', name, '--out', out]);
    expect(status).toBe(0);
    const memory = join(out, 'memory.raw');
    const described = JSON.parse(readFileSync(join(out, 'image.json'), 'utf8')) as ImageDocument;
    expect([described.schema, described.machine, described.byteOrder]).toEqual(['fourfold.image', name, byteOrder]);
    expect(described.processes.map(({ label }) => label)).toEqual(['A', 'B']);
    expect(statSync(memory).size).toBe(Math.max(...described.banks.map(({ base, size }) => base + size)));
    const bytes = readFileSync(memory);
    const first = `0x${(0x2000_0000).toString(16)}`;
    const third = `0x${(0x2000_0000 + 2 * pageSize).toString(16)}`;
    const fourth = `0x${(0x2000_0000 + 3 * pageSize).toString(16)}`;
    for (const [label, written] of [
      ['A', 7],
      ['B', 8],
    ] as const) {
      const at = ['--arch', name, '--image', memory, '--regs', join(out, 'image.json'), '--process', label];
      // A page that nothing has hashed since the fork is in the Linux tables alone.
      const [one, three, four] = (await walked([...at, first, third, fourth])).map((line) =>
        line.physical === null && line.beside !== null ? line.beside : line,
      );
      expect(bytes[Number(one?.physical)]).toBe(written);
      expect(three?.physical === null ? 'nothing' : bytes[Number(three?.physical)]).toBe(label === 'A' ? 9 : 'nothing');
      expect([four?.physical, four?.missing]).toEqual([null, expect.stringMatching(/./)]);
    }
  });
}

test('a walk for people: an entry a line, then what comes of it', async () => {
  const out = join(folder, 'x86_64');
  const { stdout } = await command([
    'walk',
    '--arch',
    'x86_64',
    '--image',
    join(out, 'memory.raw'),
    '--root',
    '0x1000',
    '0x5',
  ]);
  expect(stdout).toMatch(/^0x5\nwhat +at +value +says\n-+\ncr3 +0x0000000000001000 +root table\npgd +0x1000 /);
  expect(stdout).toMatch(/\nnothing: the pgd entry is not present\n$/m);
});

test('registers as a monitor prints them, and addresses from a file', async () => {
  const out = join(folder, 'i386');
  const { processes } = JSON.parse(readFileSync(join(out, 'image.json'), 'utf8')) as ImageDocument;
  const printed = join(folder, 'registers.txt');
  const cr3 = Number((processes as readonly { roots: { cr3?: string } }[])[0]?.roots.cr3);
  writeFileSync(
    printed,
    `EAX=00000000\nCR0=80010001 CR2=00000000 CR3=${cr3.toString(16).padStart(8, '0')} CR4=00000090\n`,
  );
  const list = join(folder, 'addresses.txt');
  writeFileSync(list, '0x20000000\n536879104 0x20003000\n');
  const lines = await walked(['--arch', 'i386', '--image', join(out, 'memory.raw'), '--regs', printed, '--from', list]);
  expect(lines.map(({ physical }) => physical !== null)).toEqual([true, true, false]);
});

test('a dump that ends too early is no translation, with the place that is missing', async () => {
  const short = join(folder, 'short.raw');
  writeFileSync(short, Buffer.alloc(4096));
  const [line] = await walked(['--arch', 'x86_64', '--image', short, '--root', '0x1000', '0']);
  expect(line?.missing).toBe('the image has no pgd at 0x1000');
});

test('files, registers and addresses that are none: status 2 and what was expected', async () => {
  const raw = join(folder, 'x86_64', 'memory.raw');
  const json = join(folder, 'x86_64', 'image.json');
  const broken = join(folder, 'broken.json');
  writeFileSync(broken, '{"cr3": [1]}');
  const cut = join(folder, 'cut.json');
  writeFileSync(cut, '{"cr3": ');
  mkdirSync(join(folder, 'taken'));
  writeFileSync(join(folder, 'taken', 'memory.raw'), '');
  const cases: [string[], RegExp][] = [
    [['walk', '--arch', 'x86_64', '--image', raw, '0'], /expected either --regs FILE or --root ADDRESS/],
    [['walk', '--arch', 'x86_64', '--image', raw, '--root', '0x1000'], /expected addresses, came none/],
    [['walk', '--arch', 'x86_64', '--image', raw, '--root', 'tree', '0'], /--root: expected a number or a string/],
    [
      ['walk', '--arch', 'x86_64', '--image', raw, '--root', '0', 'here'],
      /expected an address such as .*, came 'here'/,
    ],
    [
      ['walk', '--arch', 'x86_64', '--image', join(folder, 'no'), '--root', '0', '0'],
      /expected a memory dump, came ENOENT/,
    ],
    [
      ['walk', '--arch', 'x86_64', '--image', raw, '--regs', broken, '0'],
      /broken.json: expected a number .* for cr3, got \[1\]/,
    ],
    [['walk', '--arch', 'x86_64', '--image', raw, '--regs', cut, '0'], /cut.json: expected JSON, came /],
    [
      ['walk', '--arch', 'x86_64', '--image', raw, '--regs', file, '0'],
      /image.mm: expected a JSON object or lines such as CR3=/,
    ],
    [['walk', '--arch', 'i386', '--image', raw, '--regs', json, '0'], /expected an image of i386, came one of x86_64/],
    [['walk', '--arch', 'x86_64', '--image', raw, '--regs', json, '--process', 'Z', '0'], /there are: A, B\), came Z/],
    [['image', join(folder, 'none.mm'), '--arch', 'i386', '--out', folder], /expected a scenario file, came ENOENT/],
  ];
  for (const [args, message] of cases) {
    const { status, stderr } = await command(args);
    expect(stderr).toMatch(message);
    expect([args.join(' '), status, stderr.split('\n').length]).toEqual([args.join(' '), 2, 2]);
  }
  const full = await command(['image', file, '--arch', 'i386', '--out', raw]);
  expect([full.status, full.stderr]).toEqual([1, expect.stringMatching(/expected to write an image, came E/)]);
});
