import { sparc64Arches } from '@fourfold/arch-sparc64';
import { describeScenarios } from './matrix.js';

describeScenarios(sparc64Arches);
