#!/usr/bin/env node
import { runCli } from './cli/program.js';
import { addServing } from './serve.js';

process.exitCode = (await runCli(process.argv, addServing)) || process.exitCode;
