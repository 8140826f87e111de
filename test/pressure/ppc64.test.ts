import { ppc64Arches } from '@fourfold/arch-ppc64';
import { describePressure } from './pressure.js';

describePressure(ppc64Arches);
