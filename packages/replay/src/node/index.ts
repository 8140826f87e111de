/** `@fourfold/replay/node`: what needs files or threads of the host. */
export { FileImage, writeMemory } from './file-image.js';
export { type PoolOptions, type PoolReplayOptions, ReplayPool } from './pool.js';
export { type ReplayFileOptions, replayFile } from './replay-file.js';
export { type ReplayHereOptions, type ReplayProgress, type ReplaySettings, replayHere } from './replay-here.js';
export { serveReplays } from './serve.js';
export { readTraceFile, type TraceFileInfo, type TraceFileOptions, type TraceTarget } from './trace-file.js';
