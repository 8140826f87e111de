import { sparc64Arches } from '@fourfold/arch-sparc64';
import { describePressure } from './pressure.js';

describePressure(sparc64Arches);
