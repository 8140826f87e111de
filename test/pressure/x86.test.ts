import { x86Arches } from '@fourfold/arch-x86';
import { describePressure } from './pressure.js';

describePressure(x86Arches);
