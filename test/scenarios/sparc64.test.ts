import { sparc64Arches } from '@fourfold/arch-sparc64';
import { describeScenarios } from './matrix.js';

/**
 * A store to a page that is not there, in an area that may not be written, is a load first: it brings the page, so that the
 * signal comes with a fault that later loads are spared, or takes the signal of a load past the end of its file.
 */
const STORES_THAT_LOAD: Readonly<Record<string, readonly string[]>> = {
  'g01-single': [
    '70 A write 31 170 -> SEGV_ACCERR | 1 0',
    '105 A write 31 112 -> BUS_ADRERR | 0 0',
    '107 A fill 21 2 90 -> BUS_ADRERR after 1 | 0 0',
  ],
  'g02-single': [
    '19 A fill 2 3 187 -> SEGV_ACCERR after 1 | 2 0',
    '74 A write 29 205 -> SEGV_ACCERR | 1 0',
    '117 A write 4 121 -> BUS_ADRERR',
  ],
  'g11-fork': [
    '14 A fill 8 6 34 -> SEGV_ACCERR after 0 | 1 0',
    '16 A write 19 151 -> SEGV_ACCERR | 1 0',
    '18 A read 19 -> ok 22 | 0 0',
    '21 B fill 11 8 218 -> SEGV_ACCERR after 0 | 1 0',
    '46 C fill 18 8 181 -> SEGV_ACCERR after 0 | 1 0',
    '106 A fill 20 4 89 -> BUS_ADRERR after 0 | 0 0',
  ],
  'g12-fork': ['39 A fill 58 5 4 -> BUS_ADRERR after 0', '54 A write 44 94 -> BUS_ADRERR'],
  'shm-attach': ['10 A write 32 1 -> SEGV_ACCERR | 1 0', '11 A bytes 32 4 -> 5,6,7,8 | 3 0'],
  'tmpfs-system-calls': ['45 A write 80 1 -> BUS_ADRERR | 0 0'],
};

describeScenarios(sparc64Arches, STORES_THAT_LOAD);
