/** The numbers of counters and events are literals, so that builds can put them in their places: they follow the names. */
import { expect, test } from 'vitest';
import * as counters from '../../src/events/counters.js';
import * as kinds from '../../src/events/kinds.js';

/** `tlbExecMisses2` as TLB_EXEC_MISSES_2. */
function constantOf(name: string): string {
  return name.replace(/[A-Z]|\d+/g, (part) => `_${part}`).toUpperCase();
}

function numbersOf(module: object): Record<string, number> {
  return Object.fromEntries(Object.entries(module).filter(([, value]) => typeof value === 'number'));
}

test('each counter constant is the place of the name it is made from', () => {
  const { IPI_FIRST, ...rest } = numbersOf(counters);
  expect(counters.COUNTER_NAMES[IPI_FIRST as number]).toBe('ipiFlushPage');
  const places = counters.COUNTER_NAMES.map((name, at) => [constantOf(name), at] as const);
  // First touches by kind of access, and the causes of interrupts, have a first constant only.
  const alone = places.filter(([constant]) => !/^(IPI_.*|LOAD_FAULTS|STORE_FAULTS)$/.test(constant));
  expect(rest).toEqual(Object.fromEntries(alone));
});

test('each event constant is the place of the name it is made from', () => {
  const { FILE_RSS, ANON_RSS, SPIN, READ, WRITE, ...rest } = numbersOf(kinds);
  expect(kinds.RSS_NAMES.map((name) => name.toUpperCase())).toEqual(['FILE_RSS', 'ANON_RSS']);
  expect([FILE_RSS, ANON_RSS, SPIN, READ, WRITE]).toEqual([0, 1, 0, 1, 2]);
  // Flushes of translations are counters too; here they begin with EV_.
  const constants = kinds.EVENT_NAMES.map(constantOf).map((name) => name.replace(/^FLUSH_(?!D?CACHE)/, 'EV_FLUSH_'));
  expect(rest).toEqual(Object.fromEntries(constants.map((constant, at) => [constant, at])));
});
