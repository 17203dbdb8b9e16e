import { hostname } from 'node:os';
import { context, DiagLogLevel, diag, propagation, trace } from '@opentelemetry/api';
import { messageOf } from '../errors.js';
import { type Part, within } from '../lifecycle.js';
import type { Log } from '../log.js';

export interface TracingOptions {
  readonly version: string;
  readonly roles: readonly string[];
  readonly log: Log;
}

/** How long spans that are still here may take to leave at the end, in milliseconds. */
const FLUSH_MS = 3_000;

/**
 * Sends spans by OTLP over HTTP. The variables OTEL_… say where and how many, as for every program:
 * OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_EXPORTER_OTLP_HEADERS, OTEL_TRACES_SAMPLER, OTEL_SERVICE_NAME …
 * OpenTelemetry is loaded only here, and only when it is wanted.
 */
export class Tracing implements Part {
  readonly name = 'tracing';
  private readonly options: TracingOptions;
  private provider: { shutdown(): Promise<void> } | null = null;

  constructor(options: TracingOptions) {
    this.options = options;
  }

  async start(): Promise<void> {
    const { version, roles, log } = this.options;
    const [sdk, { OTLPTraceExporter }, resources] = await Promise.all([
      import('@opentelemetry/sdk-trace-node'),
      import('@opentelemetry/exporter-trace-otlp-http'),
      import('@opentelemetry/resources'),
    ]);
    // That spans are lost is no reason to stop, and no reason for a line each time.
    let told = '';
    const tell = (message: string) => {
      if (message === told) return;
      told = message;
      log.warn({ reason: message }, 'spans could not be sent');
    };
    diag.setLogger(
      { error: tell, warn: () => {}, info: () => {}, debug: () => {}, verbose: () => {} },
      { logLevel: DiagLogLevel.ERROR, suppressOverrideMessage: true },
    );
    const resource = resources
      .defaultResource()
      .merge(
        resources.resourceFromAttributes({
          'service.name': 'andon',
          'service.version': version,
          'service.instance.id': `${hostname()}-${process.pid}`,
          'andon.roles': roles.join(','),
        }),
      )
      // What the environment says goes before.
      .merge(resources.detectResources({ detectors: [resources.envDetector] }));
    const provider = new sdk.NodeTracerProvider({
      resource,
      spanProcessors: [new sdk.BatchSpanProcessor(new OTLPTraceExporter())],
    });
    provider.register();
    this.provider = provider;
    log.info({}, 'traces are sent by OTLP');
  }

  async stop(): Promise<void> {
    const { provider } = this;
    if (!provider) return;
    this.provider = null;
    try {
      await within(FLUSH_MS, provider.shutdown(), 'the last spans did not leave');
    } catch (error) {
      this.options.log.warn({ reason: messageOf(error) }, 'the last spans are lost');
    }
    trace.disable();
    context.disable();
    propagation.disable();
    diag.disable();
  }
}
