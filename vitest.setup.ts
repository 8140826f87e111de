/**
 * Property tests run from one seed, so that a suite that passed passes again; FC_SEED=random (or a number) explores.
 * A failure prints its seed and path all the same.
 */
import { env } from 'node:process';
import fc from 'fast-check';

const seed = env.FC_SEED === 'random' ? undefined : Number(env.FC_SEED ?? 20060106);
fc.configureGlobal(seed === undefined ? {} : { seed });
