/** Entry of the threads of `fourfold replay`. */
import { serveReplays } from '@fourfold/replay/node';
import { MACHINES } from './machines.js';

serveReplays(MACHINES);
