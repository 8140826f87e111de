import { x86Arches } from '@fourfold/arch-x86';
import { describeScenarios } from './matrix.js';

describeScenarios(x86Arches);
