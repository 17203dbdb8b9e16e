import * as answers from './answers/queues.js';
import { fleetPauseBody } from './input.js';
import { type Route, route } from './route.js';
import type { Services } from './services.js';

/** The whole fleet, for maintenance. */
export function fleetRoutes({ fleetSwitch }: Services): Route[] {
  return [
    route({
      method: 'get',
      path: '/v1/fleet',
      name: 'fleet',
      answer: answers.fleet,
      scope: 'read',
      summary:
        'Whether the fleet is paused, since when, by whom and why, and how many items run now.',
      handle: () => fleetSwitch.state(),
    }),
    route({
      method: 'post',
      path: '/v1/fleet/pause',
      name: 'pauseFleet',
      answer: answers.fleet,
      refuses: [409],
      scope: 'admin',
      unlimitedOnly: true,
      summary:
        'Let nothing start in any queue. What runs is finished, what comes is accepted and waits.',
      body: fleetPauseBody,
      handle: ({ body, caller }) => fleetSwitch.pause(caller.actor, body.reason),
    }),
    route({
      method: 'post',
      path: '/v1/fleet/resume',
      name: 'resumeFleet',
      answer: answers.fleet,
      refuses: [409],
      scope: 'admin',
      unlimitedOnly: true,
      summary: 'Let the fleet go on. Lifts no block and no pause of a queue.',
      handle: ({ caller }) => fleetSwitch.resume(caller.actor),
    }),
  ];
}
