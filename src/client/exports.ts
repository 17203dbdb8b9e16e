/** `andon/client`: what programs import. Nothing but fetch and other parts of the web platform is needed. */
export { AndonClient, collect, type EnqueueOptions } from './client.js';
export type { Patience } from './patience.js';
export { ApiProblem, NotAndon, type Problem, Unreachable } from './problem.js';
export type * from './shapes.js';
export type { CallOptions, ClientOptions } from './transport.js';
