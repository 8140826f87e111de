/** The tree of a file's areas agrees with a list that is searched from end to end. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { AreaTree } from '../../src/pagecache/area-tree.js';
import { Vma } from '../../src/vma/vma.js';
import { testKernel, testMm } from '../support/test-kernel.js';

test('areas come and go, and every query finds those that overlap', () => {
  const mm = testMm(testKernel());
  const step = fc.record({ first: fc.nat(60), pages: fc.integer({ min: 1, max: 20 }), drop: fc.nat(3) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80, size: 'max' }), fc.nat(80), fc.nat(10), (steps, from, more) => {
      const tree = new AreaTree();
      const list: Vma[] = [];
      for (const { first, pages, drop } of steps) {
        if (drop === 0 && list.length > 0) {
          const [gone] = list.splice(first % list.length, 1);
          expect(tree.delete(gone as Vma)).toBe(true);
          expect(tree.delete(gone as Vma)).toBe(false);
        } else {
          const vma = new Vma(mm, 100, 100 + pages, 0, first, null);
          list.push(vma);
          tree.add(vma);
        }
        expect(tree.check()).toBeNull();
      }
      const expected = list.filter((vma) => vma.pgoff <= from + more && vma.pgoff + vma.pages > from);
      expect(new Set(tree.overlapping(from, from + more))).toEqual(new Set(expected));
      expect([...tree]).toEqual(list);
    }),
  );
});
