import { describe, expect, test } from 'vitest';
import { command } from './support/command.js';

describe('decode', () => {
  test('takes a present entry apart: kind, frame, rights, every field', async () => {
    const { status, stdout, stderr } = await command(['decode', '--arch', 'x86_64', '0x8000000012345067']);
    expect(status).toBe(0);
    expect(stderr).toBe('');
    expect(stdout).toMatch(/^x86_64 pte 0x8000000012345067\nkind +present\nframe number +0x12345\n/);
    expect(stdout).toMatch(/^user mode may +read write$/m);
    expect(stdout).toMatch(/^ +63 +NX +1 +software +no execution$/m);
  });

  test('--json: words are strings, fields cover the entry', async () => {
    const { stdout } = await command(['decode', '--arch', 'x86_64', '0x8000000012345067', '--json']);
    const entry = JSON.parse(stdout) as { fields: { name: string; bit: number; bits: number; value: string }[] };
    expect(entry).toMatchObject({
      schema: 'fourfold.decode',
      version: 1,
      machine: 'x86_64',
      level: 'pte',
      bits: 64,
      value: '0x8000000012345067',
      kind: 'present',
      pfn: '0x12345',
      physicalAddress: '0x12345000',
      hardwareRights: ['read', 'write'],
      dirty: true,
      valid: true,
    });
    expect(entry.fields.reduce((sum, { bits }) => sum + bits, 0)).toBe(64);
    expect(entry.fields.find(({ name }) => name === 'NX')).toMatchObject({ bit: 63, bits: 1, value: '1' });
  });

  test('a swap entry, a none entry, an upper entry, decimal', async () => {
    expect((await command(['decode', '--arch', 'i386', '0x0123ff04'])).stdout).toMatch(/^kind +swap\nswap area +2\n/m);
    expect((await command(['decode', '--arch', 'sparc64-8k', '0'])).stdout).toMatch(/^kind +none$/m);
    expect((await command(['decode', '--arch', 'sparc64-8k', '--level', 'pgd', '74565'])).stdout).toMatch(
      /^sparc64-8k pgd 0x00012345\nkind +table\ntable at +0x91a2800\n/,
    );
  });

  const WRONG: readonly (readonly [args: string[], message: RegExp])[] = [
    [
      ['--arch', 'i386', '--level', 'pmd', '0x1'],
      /^fourfold: i386 has no pmd: it is folded \(its levels: pgd, pte\)\n$/,
    ],
    [
      ['--arch', 'i386', '0x100000000'],
      /^fourfold: expected a value of at most 32 bits \(i386 pte\), came '0x100000000'\n$/,
    ],
    [['--arch', 'x86_64', '0x10000000000000000'], /^fourfold: expected a value of at most 64 bits/],
    [['--arch', 'x86_64', 'dead'], /^fourfold: expected a value such as [^\n]+ came 'dead'; did you mean 0xdead\?\n$/],
    [['--arch', 'x86_64', '1_000'], /^fourfold: expected a value such as [^\n]+ came '1_000'\n$/],
    [['--arch', 'x86_64', '0x'], /^fourfold: expected a value such as/],
    [['--arch', 'x86_64', ''], /^fourfold: expected a value such as/],
    [['--arch', 'x86_64', '9'.repeat(5000)], /^fourfold: expected a value such as [^\n]{1,120}\n$/],
    [['--arch', 'x86_64', '--level', 'pde', '1'], /^fourfold: expected a level \(pte, pmd, pud, pgd\), came 'pde'\n$/],
    [['--arch', 'x86-64', '1'], /^fourfold: expected a machine \(i386, [^\n]+ came 'x86-64'; did you mean x86_64\?\n$/],
    [['--arch', 'toString', '1'], /^fourfold: expected a machine \(i386, [^\n]+ came 'toString'\n$/],
    [['1'], /^fourfold: required option '--arch <name>' not specified\n$/],
    [['--arch', 'i386'], /^fourfold: missing required argument 'value'\n$/],
    [['--arch', 'i386', '1', '2'], /^fourfold: too many arguments/],
  ];
  for (const [args, message] of WRONG) {
    test(`misuse: decode ${args.join(' ').slice(0, 60)}`, async () => {
      const { status, stdout, stderr } = await command(['decode', ...args]);
      expect(stderr).toMatch(message);
      expect(stdout).toBe('');
      expect(status).toBe(2);
    });
  }
});
