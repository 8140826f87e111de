import { defineConfig } from 'tsup';
import { shared } from '../../tsup.shared.js';

export default defineConfig({ ...shared, entry: ['src/main.ts', 'src/*worker.ts'] });
