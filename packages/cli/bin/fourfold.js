#!/usr/bin/env node
// A file of its own, so that an install before the first build can already link the command.
import '../dist/main.js';
