import {
  type Attributes,
  type Context,
  context,
  isSpanContextValid,
  propagation,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api';
import { messageOf } from './errors.js';

/**
 * What parts tell a tracer, by the conventions for messaging and HTTP. Without tracing (`start/tracing.ts`
 * starts it) the API behind this does nothing, and costs next to nothing.
 *
 * An item's trace is stored with it as a W3C `traceparent`: each attempt goes on in the trace of its
 * enqueue, in whatever process, however many have died meanwhile.
 */
export { type Attributes, type Context, type Span, SpanKind };

export interface SpanOptions {
  readonly kind?: SpanKind;
  /** Asked for when somebody records them: most fleets run without tracing, and pay nothing for it. */
  readonly attributes?: () => Attributes;
  /** Goes on in this trace, and is linked to where it came from; without one, in what runs now. */
  readonly from?: string | null;
}

const tracer = () => trace.getTracer('andon');

/** Runs the work in a span of its own. What is thrown is noted, and thrown on. */
export function inSpan<T>(
  name: string,
  { kind = SpanKind.INTERNAL, attributes, from }: SpanOptions,
  work: (span: Span) => Promise<T>,
): Promise<T> {
  const parent = from === undefined ? context.active() : contextOf(from);
  const origin = from ? trace.getSpanContext(parent) : undefined;
  const links = origin ? [{ context: origin }] : [];
  return tracer().startActiveSpan(name, { kind, links }, parent, async (span) => {
    if (attributes && span.isRecording()) span.setAttributes(attributes());
    try {
      return await work(span);
    } catch (error) {
      noteFailure(span, error instanceof Error ? error.name : 'unknown', messageOf(error));
      throw error;
    } finally {
      span.end();
    }
  });
}

/** @param type one of few, to search by */
export function noteFailure(span: Span, type: string, message: string): void {
  span.setAttribute('error.type', type);
  span.setStatus({ code: SpanStatusCode.ERROR, message });
}

/** Of what runs now, for whoever goes on with it elsewhere; '' when nothing is traced. */
export function traceparent(): string {
  const span = trace.getActiveSpan()?.spanContext();
  if (!span || !isSpanContextValid(span)) return '';
  return `00-${span.traceId}-${span.spanId}-${span.traceFlags.toString(16).padStart(2, '0')}`;
}

/** The id of the trace in a `traceparent`, and of what runs now without one; null when nothing is traced. */
export const traceIdOf = (parent: string | null = traceparent()): string | null =>
  /^00-([0-9a-f]{32})-/.exec(parent ?? '')?.[1] ?? null;

/** A call from outside, which may belong to a trace of the caller's. To be ended by hand. */
export function serverSpan(
  name: string,
  headers: Readonly<Record<string, unknown>>,
  attributes: Attributes,
): { readonly span: Span; readonly within: Context } {
  const parent = propagation.extract(ROOT_CONTEXT, headers);
  const span = tracer().startSpan(name, { kind: SpanKind.SERVER, attributes }, parent);
  return { span, within: trace.setSpan(parent, span) };
}

/** Everything that the work does, now and later, belongs to that context. */
export const runWithin = <T>(within: Context, work: () => T): T => context.with(within, work);

const contextOf = (from: string | null): Context =>
  from ? propagation.extract(ROOT_CONTEXT, { traceparent: from }) : ROOT_CONTEXT;

/** Attributes that say where an item queues. The template has no ids in it, so spans can be grouped by it. */
export function queueFacts(operation: 'enqueue' | 'deliver', queue: string | null): Attributes {
  return {
    'messaging.system': 'andon',
    'messaging.operation.name': operation,
    'messaging.operation.type': operation === 'enqueue' ? 'send' : 'process',
    ...(queue !== null && {
      'messaging.destination.name': queue,
      'messaging.destination.template': templateOf(queue),
    }),
  };
}

/** `channel.12` is one of many `channel.{id}`. */
export const templateOf = (queue: string): string => queue.replace(/^(\w+)\..+$/, '$1.{id}');
