#!/usr/bin/env -S UV_THREADPOOL_SIZE=16 node
import { runCli } from './cli/program.js';
import { addServing } from './serve.js';

process.exitCode = (await runCli(process.argv, addServing)) || process.exitCode;
