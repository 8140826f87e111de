/** Entry of the threads of `fourfold replay`. */
import { serveReplays } from '@fourfold/replay/node';
import { tmpfs } from '@fourfold/tmpfs';
import { MACHINES } from './machines.js';

serveReplays(MACHINES, tmpfs({ nr_blocks: 0, nr_inodes: 0 }));
