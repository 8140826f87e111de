/** The file-system contract: what tmpfs and other file systems implement. */
export * from './file.js';
