import { z } from 'zod';
import type { Caller } from '../../accounts/caller.js';
import {
  listSchema,
  type OverrideInput,
  overrideSchema,
  type Recipient,
} from '../../config/alerts-schema.js';
import { idSchema } from '../../config/endpoint-schema.js';
import { type Fault, InvalidInput, NotFound } from '../../errors.js';
import { type Routing, routeTo } from '../../incidents/routing.js';
import { notificationTypes } from '../../incidents/types.js';
import { overrideFaults, unknownEndpoints, unknownWebhooks } from '../../incidents/warnings.js';
import { addressesIn } from '../../instructions/address.js';
import { changeOf } from '../../queues/audit-change.js';
import { endpointName } from '../../queues/registry.js';
import { action, type ConsoleRoute, page } from '../page.js';
import type { ConsoleServices } from '../services.js';
import { ListForm, Lists, OverrideForm, Overrides, Tester, Verdicts } from '../view/alerts.js';

/** An empty choice is none. */
const maybe = z.preprocess((given) => given || undefined, idSchema.optional());
const words = z.string().max(40_000).default('');
const query = z.object({
  type: z.string().max(64).optional().catch(undefined),
  client: maybe.catch(undefined),
  channel: maybe.catch(undefined),
  source: maybe.catch(undefined),
});

/** Who is told of what, and who would be told of something. */
export function alertPages(services: ConsoleServices): ConsoleRoute[] {
  const { recipients, registry, audit, catalogue, incidents } = services;
  const known = () => notificationTypes(catalogue);
  const webhookFaults = (all: readonly Recipient[], caller: Caller) =>
    unknownWebhooks(all, services.webhooks, (one) => caller.seesEndpoint(one));

  const tested = async (asked: z.infer<typeof query>, routing: Routing, caller: Caller) => {
    if (!asked.type || !known().has(asked.type)) return null;
    const [channel, source] = await registry.getMany([
      endpointName('channel', asked.channel ?? ''),
      endpointName('source', asked.source ?? ''),
    ]);
    const client = asked.client ?? channel?.client ?? source?.client ?? null;
    if (!caller.ownsClient(client)) return { client, stranger: true as const };
    const concern = { client, channel: asked.channel ?? null, source: asked.source ?? null };
    const verdict = routeTo(routing, [asked.type], concern);
    // Who stands in belongs to another list than the client's own.
    const hidden = verdict.standIn && !caller.ownsClient(null);
    return { client, ...verdict, told: hidden ? [] : verdict.told };
  };

  return [
    page('/alerts', {
      permission: 'read',
      query,
      render: async ({ query, caller, token }) => {
        const [routing, endpoints] = await Promise.all([recipients.all(), registry.list()]);
        const lists = routing.lists.filter((one) => caller.ownsClient(one.client));
        const overrides = routing.overrides.filter((one) => caller.ownsClient(one.client));
        const seen = endpoints.filter((one) => caller.seesEndpoint(one));
        const clients = [...new Set(seen.map((one) => one.client))]
          .filter((one) => caller.ownsClient(one))
          .sort();
        const idsOf = (kind: string) =>
          seen
            .filter((one) => one.kind === kind)
            .map(({ id, description }) => ({ id, description }));
        const choices = {
          types: [...known().values()],
          clients,
          channels: idsOf('channel'),
          sources: idsOf('source'),
        };
        const verdict = await tested(query, routing, caller);
        const undelivered = caller.unlimited ? await incidents.undelivered() : null;
        const admin = caller.may('admin');
        return {
          title: 'Alerts',
          body: (
            <>
              <h1>Alerts</h1>
              {undelivered ? (
                <p class="warning">
                  {undelivered.count} mails of the alerts could not be delivered:{' '}
                  {undelivered.queueIds.map((id) => (
                    <a key={id} href={`/items/${id}`}>
                      {id}{' '}
                    </a>
                  ))}
                </p>
              ) : null}
              <Tester asked={query} choices={choices} />
              {verdict ? <Verdicts verdict={verdict} type={query.type ?? ''} /> : null}
              <Lists lists={lists} />
              <Overrides overrides={overrides} token={admin ? token : null} />
              {admin ? <ListForm token={token} lists={lists} clients={clients} /> : null}
              {admin ? <OverrideForm token={token} choices={choices} /> : null}
            </>
          ),
        };
      },
    }),
    action('/alerts/recipients', {
      permission: 'admin',
      body: z.object({
        client: maybe,
        recipients: words,
        onlyErrors: z.string().optional(),
        escalationMinutes: z.preprocess(
          (given) => given || undefined,
          z.coerce.number().int().min(1).max(43_200).optional(),
        ),
        escalation: words,
      }),
      run: async ({ body, caller }) => {
        const client = body.client ?? null;
        refuseStranger(caller, client);
        const before = (await recipients.all()).lists.find((one) => one.client === client);
        const second = readLines(body.escalation, before?.escalation?.recipients ?? []);
        if (second.length > 0 && body.escalationMinutes === undefined)
          throw new InvalidInput([
            { pointer: '/escalationMinutes', detail: 'say after how many minutes' },
          ]);
        const first = readLines(body.recipients, before?.recipients ?? []);
        const faults = await webhookFaults([...first, ...second], caller);
        if (faults.length > 0) throw new InvalidInput(faults);
        const list = await recipients.putList(
          checked(listSchema, {
            client: body.client,
            recipients: first,
            successes: !body.onlyErrors,
            escalation:
              second.length > 0
                ? { afterMs: (body.escalationMinutes ?? 0) * 60_000, recipients: second }
                : undefined,
          }),
        );
        await audit.write(caller.actor, 'change', {
          recipients: client ?? '',
          client: list.client,
          ...changeOf(before ?? null, list),
        });
        return {
          to: '/alerts',
          say: `Who is told for ${client ?? 'what belongs to no client'} is changed.`,
        };
      },
    }),
    action('/alerts/overrides', {
      permission: 'admin',
      body: z.object({
        client: maybe,
        types: words,
        channels: words,
        sources: words,
        recipients: words,
      }),
      run: async ({ body, caller }) => {
        refuseStranger(caller, body.client ?? null);
        const override: OverrideInput = checked(overrideSchema, {
          client: body.client,
          types: split(body.types),
          channels: split(body.channels),
          sources: split(body.sources),
          recipients: readLines(body.recipients, []),
        });
        const faults: Fault[] = [
          ...overrideFaults(override, known()),
          ...(await unknownEndpoints(override, registry, (one) => caller.seesEndpoint(one))),
          ...(await webhookFaults(override.recipients, caller)),
        ];
        if (faults.length > 0) throw new InvalidInput(faults);
        const made = await recipients.putOverride(override);
        await audit.write(caller.actor, 'create', {
          override: made.id,
          client: made.client,
          ...changeOf(null, made),
        });
        const say = `Override ${made.id} is made: the top level does not get ${override.types.join(', ')} any more.`;
        return { to: '/alerts', say };
      },
    }),
    action('/alerts/overrides/:id/remove', {
      permission: 'admin',
      params: z.object({ id: idSchema }),
      run: async ({ params: { id }, caller }) => {
        const found = await recipients.override(id);
        if (!found || !caller.ownsClient(found.client))
          throw new NotFound(`there is no override "${id}"`);
        await recipients.deleteOverride(id);
        await audit.write(caller.actor, 'delete', {
          override: id,
          client: found.client,
          ...changeOf(found, null),
        });
        return { to: '/alerts', say: `Override ${id} is removed: the top level gets these again.` };
      },
    }),
  ];
}

function refuseStranger(caller: Caller, client: string | null): void {
  if (caller.ownsClient(client)) return;
  const detail = client === null ? 'choose one of your clients' : `there is no client "${client}"`;
  throw new InvalidInput([{ pointer: '/client', detail }]);
}

const split = (text: string): string[] => text.split(/[\s,]+/).filter((one) => one !== '');

/** One address a line, as people write them; the quiet hours of those who were there stay. */
function readLines(text: string, before: readonly Recipient[]): Recipient[] {
  return text
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .map((line) => {
      if (/^(webhook|slack|teams):/.test(line)) return { address: line, name: '' };
      const [found, ...more] = addressesIn(line);
      if (!found || more.length > 0)
        throw new InvalidInput([
          {
            pointer: '/recipients',
            detail: `${JSON.stringify(line)} is no mail address; one a line`,
          },
        ]);
      const address = found.address.toLowerCase();
      const quiet = before.find((one) => one.address === address)?.quiet;
      return { address, name: found.name, ...(quiet && { quiet }) };
    });
}

function checked<T extends z.ZodType>(schema: T, value: unknown): z.infer<T> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw new InvalidInput(
    result.error.issues.map(({ path, message }) => ({
      pointer: path.length > 0 ? `/${path.map(String).join('/')}` : '',
      detail: message,
    })),
  );
}
