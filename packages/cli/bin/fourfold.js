#!/usr/bin/env node
// A file of its own, so that an install before the first build can already link the command.
import { existsSync } from 'node:fs';

if (existsSync(new URL('../dist/main.js', import.meta.url))) {
  await import('../dist/main.js');
} else {
  console.error('fourfold: not built yet: expected packages/cli/dist/main.js; `npm start` builds it');
  process.exitCode = 1;
}
