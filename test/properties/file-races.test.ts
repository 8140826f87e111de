/**
 * Faults that meet a truncation or a hole punch at the worst moment, stopped there on purpose: no page that left its file
 * stays mapped.
 */
import { Machine, type Op, runToEnd, SteppedOp } from '@fourfold/core';
import type { ArchDescriptor } from '@fourfold/core/arch';
import { type ShmemInode, tmpfs } from '@fourfold/tmpfs';
import { describe, expect, test } from 'vitest';
import { fault, frameOf, map, outcome, pageAt, pages } from '../commits/support/memory.js';
import { MACHINES } from '../support/machines.js';

const PAGES = 8;

function withFile(arch: ArchDescriptor, defects: 'mended' | 'kept' = 'mended') {
  const machine = new Machine({ arch, defects, config: { nrCpus: 4, preempt: true }, mounts: { '/tmp': tmpfs() } });
  const file = machine.open('/tmp/f', { create: true });
  const inode = file.inode as ShmemInode;
  for (let page = 0; page < PAGES; page++)
    runToEnd(inode.write(page * machine.pageSize, new Uint8Array(machine.pageSize).fill(page + 1)));
  const [a, b] = [machine.spawn(), machine.spawn()];
  for (const process of [a, b]) map(process, PAGES, { file, flags: 'shared|fixed' });
  return { machine, file, inode, a, b };
}

describe.each(MACHINES.map((arch) => [arch.name, arch] as const))('%s', (_name, arch) => {
  test.each([
    [2, 'SIGBUS', false],
    [6, 'MINOR', true],
  ])(
    'a fault on page 4 that found its page before the file was cut to %i pages: %s, and mapped: %s',
    (left, result, mapped) => {
      const { machine, inode, a } = withFile(arch);
      let stops = true;
      let asked = 0;
      machine.inject.pause = (point) => {
        if (point === 'before pte lock') asked++;
        return stops && point === 'before pte lock';
      };
      const op = new SteppedOp('fault', fault(a, 4, false) as Op<number>);
      expect(op.stepTo('pause: before pte lock')).toBe(true);
      stops = false;
      expect(runToEnd(inode.setSize(left * machine.pageSize))).toBe(0);
      expect(outcome(op.finish())).toBe(result);
      machine.inject.clear();
      // The page it held was dropped and asked for again, unless there was nothing to ask for.
      expect(asked).toBe(mapped ? 2 : 1);
      expect(frameOf(a, 4) >= 0).toBe(mapped);
      machine.check();
    },
  );

  /** A hole of pages 2 to 5 by one process; another faults page 3 in while it is unmapped and still cached. */
  function punch(defects: 'mended' | 'kept'): { machine: Machine; orphan: boolean } {
    const { machine, a, b } = withFile(arch, defects);
    let stops = true;
    machine.inject.pause = (point) => stops && point === 'before cache removal';
    const op = new SteppedOp(
      'madvise',
      a.ops.madvise(pageAt(machine, 2), pages(machine, 4), arch.madvRemove) as Op<number>,
    );
    expect(op.stepTo('pause: before cache removal')).toBe(true);
    stops = false;
    b.load8(pageAt(machine, 3));
    expect(frameOf(b, 3)).toBeGreaterThanOrEqual(0);
    expect(op.finish()).toBe(0);
    machine.inject.clear();
    const page = frameOf(b, 3);
    return { machine, orphan: page >= 0 && machine.kernel.map.mapping[page] === 0 };
  }

  test('a page faulted back in while a hole is punched is not left mapped', () => {
    const { machine, orphan } = punch('mended');
    expect(orphan).toBe(false);
    machine.check();
  });

  test('with D5 kept it is: an orphan', () => {
    expect(punch('kept').orphan).toBe(true);
  });
});
