import { describe, expect, test } from 'vitest';
import {
  CONTEXT_VECTORS,
  ENTRY_VECTORS,
  GEOMETRY_VECTORS,
  HUGE_VECTORS,
  INDEX_VECTORS,
  ORIGIN,
  PTE_VECTORS,
  PURGE_VECTORS,
  RACE_VECTORS,
  REGION_VECTORS,
  THASH_VECTORS,
} from './vectors.js';

const GROUPS = {
  'tables of each page size': GEOMETRY_VECTORS,
  'present entries and their changes': PTE_VECTORS,
  'swap and file entries': ENTRY_VECTORS,
  'region and table indices': INDEX_VECTORS,
  'scaled huge addresses: address, pgd, pmd, pte': HUGE_VECTORS,
  'place in the linear table': THASH_VECTORS,
  'choice of purges': PURGE_VECTORS,
  'region ids, region registers, identity entries': REGION_VECTORS,
  'context numbers': CONTEXT_VECTORS,
  'lost ptes (port defect, kept)': RACE_VECTORS,
};

describe(ORIGIN, () => {
  for (const [group, vectors] of Object.entries(GROUPS)) {
    describe(group, () => {
      for (const v of vectors) test(`vector ${v.number}: ${v.what}`, () => expect(v.got()).toEqual(v.want));
    });
  }
});
