/**
 * Property tests run from one seed, so that a suite that passed passes again; FC_SEED=random (or a number) explores.
 * A failure prints its seed and path all the same.
 *
 * Every machine keeps its flush ledger and compares each TLB hit with the tables, and its kernel maps pte tables to look at them
 * and counts the maps, unless a test says otherwise.
 */
import { env } from 'node:process';
import fc from 'fast-check';
import { buildByDefault } from './packages/core/src/machine/build.js';
import { watchByDefault } from './packages/core/src/machine/checks.js';

const seed = env.FC_SEED === 'random' ? undefined : Number(env.FC_SEED ?? 20060106);
fc.configureGlobal(seed === undefined ? {} : { seed });
watchByDefault({ flushes: true, hits: true });
buildByDefault({ highpte: true });
