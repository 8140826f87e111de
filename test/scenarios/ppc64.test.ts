import { ppc64Arches } from '@fourfold/arch-ppc64';
import { describeScenarios } from './matrix.js';

describeScenarios(ppc64Arches);
