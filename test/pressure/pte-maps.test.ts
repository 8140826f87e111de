/**
 * A machine short of memory, with swap and four CPUs, whose kernel maps pte tables to look at them: what the checker in core says
 * while it runs, read from the events once more by somebody who knows only the rules.
 */
import type { Machine } from '@fourfold/core';
import { expect, test } from 'vitest';
import { MACHINES } from '../support/machines.js';
import { runPressure } from './program.js';

const STEPS = 1200;
const CAPACITY = 2 ** 15;
/** What nobody does with a table mapped: begin or end a call, go to another address space, take or make frames. */
const ENDS = new Set([
  'operation',
  'fault',
  'switchMm',
  'allocPage',
  'allocTable',
  'copyPage',
  'clearPage',
  'copyUser',
]);
const SEMAPHORE_MODES = new Set([1, 2]);

/** Reads the events of one step. Answers how many maps there were, and how many were nested. */
function follow(machine: Machine): { maps: number; nested: number } {
  const events = machine.events.read();
  machine.events.listen(CAPACITY);
  const slots = [0, 0];
  let maps = 0;
  let nested = 0;
  // A step that filled the ring is followed from where nothing was mapped.
  let from = events.length < CAPACITY ? 0 : events.findIndex(({ name }) => ENDS.has(name));
  if (from < 0) from = events.length;
  for (const { name, a: slot, b: table, c } of events.slice(from)) {
    if (name === 'mapPte') {
      expect(slots[slot], 'a slot that is mapped is free').toBe(0);
      slots[slot] = table;
      maps++;
      if (slot === 1) nested++;
    } else if (name === 'unmapPte') {
      expect(slots[slot], 'what is unmapped is what was mapped').toBe(table);
      slots[slot] = 0;
      if (slot === 0) expect(slots[1], 'the nested map is undone first').toBe(0);
    } else if (ENDS.has(name) || (name === 'lock' && SEMAPHORE_MODES.has(c))) {
      expect(slots, `nothing is mapped at ${name}`).toEqual([0, 0]);
    }
  }
  expect(slots, 'nothing is mapped at the end').toEqual([0, 0]);
  return { maps, nested };
}

test.each(MACHINES.map((arch) => [arch.name, arch] as const))(
  `%s: every map of ${STEPS} operations is undone before anybody could sleep`,
  { timeout: 120_000 },
  (_name, arch) => {
    let all = 0;
    let allNested = 0;
    const { swappedOut, swappedIn } = runPressure({
      arch,
      seed: 7,
      steps: STEPS,
      memory: 144,
      auditEvery: 20,
      afterStep: (machine) => {
        const { maps, nested } = follow(machine);
        all += maps;
        allNested += nested;
      },
    });
    expect({ maps: all > STEPS, nested: allNested > 0, out: swappedOut > 0, in: swappedIn > 0 }).toEqual({
      maps: true,
      nested: true,
      out: true,
      in: true,
    });
  },
);
