/** Entry of the threads in pool.test.ts; a pool's owner writes one like it. */
import { sparc64_8k } from '@fourfold/arch-sparc64';
import { x86_64 } from '@fourfold/arch-x86';
import { serveReplays } from '../../src/node/serve.js';

serveReplays([x86_64, sparc64_8k]);
