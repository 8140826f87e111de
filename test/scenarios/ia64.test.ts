import { ia64Arches } from '@fourfold/arch-ia64';
import { describeScenarios } from './matrix.js';

describeScenarios(ia64Arches);
