/** What is said of agreement and of the lack of it. */
import { expect, test } from 'vitest';
import type { Comparison, Verdict } from '../src/oracle.js';
import { agrees, reportOf } from '../src/report.js';

const MAPPED: Verdict = { load: 'byte 7f', store: 'done', fetch: '-' };
const ABSENT: Verdict = { load: 'fault 0', store: 'fault 2', fetch: 'fault 16' };

function comparison(address: bigint, ours: Verdict, theirs: Verdict): Comparison {
  return { process: 'A', address, ours, theirs, walk: () => '    pte at 0x1000: 0x5 P US' };
}

test('what agrees is counted', () => {
  const all = [comparison(0x1000n, MAPPED, MAPPED), comparison(0x2000n, ABSENT, ABSENT)];
  expect(all.every(agrees)).toBe(true);
  expect(reportOf('i386', 1, all)).toBe('i386: 2 addresses of 1 processes, 1 mapped, 100 % agree');
});

test.each(['load', 'store', 'fetch'] as const)(
  'a %s that differs is shown with both answers, the walk and how to repeat it',
  (kind) => {
    const theirs = { ...MAPPED, [kind]: 'fault 1' };
    const text = reportOf('i386', 7, [comparison(0x1234n, MAPPED, theirs), comparison(0x2000n, ABSENT, ABSENT)]);
    expect(text).toContain('50.000 % agree');
    expect(text).toContain('process A, 0x1234: we say load byte 7f, store done, fetch -; the emulator');
    expect(text).toContain(`${kind} fault 1`);
    expect(text).toContain('pte at 0x1000');
    expect(text).toContain('npm run test:oracle -- --machine i386 --seed 7');
  },
);

test('a hundred per cent is said of all of them alone', () => {
  const many = Array.from({ length: 99_999 }, () => comparison(0n, MAPPED, MAPPED));
  expect(reportOf('i386', 1, [...many, comparison(1n, MAPPED, ABSENT)])).toContain('99.999 % agree');
});
