import { ia64Arches } from '@fourfold/arch-ia64';
import { describePressure } from './pressure.js';

describePressure(ia64Arches);
