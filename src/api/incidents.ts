import type { Caller } from '../accounts/caller.js';
import { InvalidInput, NotFound } from '../errors.js';
import { careOf } from '../incidents/incidents.js';
import { changeOf } from '../queues/audit-change.js';
import * as answers from './answers/incidents.js';
import { incidentParams, incidentsQuery, snoozeBody } from './input-alerts.js';
import { type Route, route } from './route.js';
import type { Services } from './services.js';

/** Incidents: what failed from one cause, who was told, who looks after it. */
export function incidentRoutes({ incidents, audit }: Services): Route[] {
  const find = async (id: number, caller: Caller) => {
    const found = await incidents.get(id, (concern) => caller.seesItem(concern));
    if (!found) throw new NotFound(`there is no incident ${id}`);
    return found;
  };
  const actions = {
    claim: 'Say that you look after an incident: others see it, reminders and escalation stop.',
    release: 'Give an incident back: reminders go on.',
  } as const;
  return [
    route({
      method: 'get',
      path: '/v1/incidents',
      name: 'incidents',
      answer: answers.incidentPage,
      scope: 'read',
      summary:
        'Incidents, newest first: failures of one cause, how many stand, who looks after it.',
      query: incidentsQuery,
      async handle({ query, caller }) {
        const all = await incidents.list((concern) => caller.seesItem(concern), query.state);
        const { cursor, limit } = query;
        const rest = cursor === undefined ? all : all.filter((one) => one.id < Number(cursor));
        const items = rest.slice(0, limit);
        return { items, nextCursor: rest.length > limit ? String(items.at(-1)?.id) : null };
      },
    }),
    route({
      method: 'get',
      path: '/v1/incidents/:id',
      name: 'incident',
      answer: answers.oneIncident,
      refuses: [404],
      scope: 'read',
      summary: 'One incident with the items that stand.',
      params: incidentParams,
      handle: ({ params, caller }) => find(params.id, caller),
    }),
    ...(['claim', 'release'] as const).map((action) =>
      route({
        method: 'post',
        path: `/v1/incidents/:id/${action}`,
        name: `${action}Incident`,
        answer: answers.oneIncident,
        refuses: action === 'claim' ? [404, 409] : [404],
        scope: 'operate',
        summary: actions[action],
        params: incidentParams,
        async handle({ params, caller }) {
          const before = await find(params.id, caller);
          if (action === 'claim') await incidents.claim(params.id, caller.actor);
          else await incidents.release(params.id);
          const after = await find(params.id, caller);
          await audit.write(caller.actor, action, {
            incident: params.id,
            ...changeOf(careOf(before), careOf(after)),
          });
          return after;
        },
      }),
    ),
    route({
      method: 'post',
      path: '/v1/incidents/:id/snooze',
      name: 'snoozeIncident',
      answer: answers.oneIncident,
      refuses: [404],
      scope: 'operate',
      summary: 'No digests, reminders or escalation of an incident before a time.',
      params: incidentParams,
      body: snoozeBody,
      async handle({ params, body, caller }) {
        const before = await find(params.id, caller);
        const until = Date.parse(body.until);
        if (until <= Date.now())
          throw new InvalidInput([{ pointer: '/until', detail: 'must be in the future' }]);
        await incidents.snooze(params.id, caller.actor, until);
        const after = await find(params.id, caller);
        await audit.write(caller.actor, 'snooze', {
          incident: params.id,
          until: body.until,
          ...changeOf(careOf(before), careOf(after)),
        });
        return after;
      },
    }),
  ];
}
