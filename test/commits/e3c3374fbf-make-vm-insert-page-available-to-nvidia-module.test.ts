/** vm_insert_page is exported to modules of any licence, as remap_pfn_range is. */
import { exportedSymbols } from '@fourfold/core';
import { commit } from './support/commit.js';

export default commit({
  commits: ['e3c3374fbf'],
  outcomes: {
    'export class of vm_insert_page and of remap_pfn_range': {
      run: ({ machine: make }) => {
        const symbols = exportedSymbols(make().kernel.behaviour);
        return [symbols.vm_insert_page, symbols.remap_pfn_range];
      },
      expected: ['plain', 'plain'],
      without: ['gpl', 'plain'],
    },
  },
});
