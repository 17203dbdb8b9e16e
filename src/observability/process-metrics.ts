import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks';
import { Counter, Gauge, type Registry } from 'prom-client';

/** How often the loop is looked at, in milliseconds; shorter delays are not seen. */
const RESOLUTION_MS = 20;

/**
 * What every Node program tells of itself, under the names that dashboards know. prom-client's own set
 * is not used: it watches the event loop and the garbage collector until the process ends.
 */
export class ProcessMetrics {
  private readonly lag: IntervalHistogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });

  constructor(registry: Registry) {
    const { lag } = this;
    const gauge = (name: string, help: string, read: () => number) =>
      new Gauge({
        name,
        help,
        registers: [registry],
        collect() {
          this.set(read());
        },
      });
    gauge('process_start_time_seconds', 'When the process started, since 1970', () =>
      Math.round(Date.now() / 1_000 - process.uptime()),
    );
    new Counter({
      name: 'process_cpu_seconds_total',
      help: 'Processor time used',
      registers: [registry],
      collect() {
        const { user, system } = process.cpuUsage();
        this.reset();
        this.inc((user + system) / 1e6);
      },
    });
    gauge('process_resident_memory_bytes', 'Memory in use', () => process.memoryUsage.rss());
    gauge(
      'nodejs_heap_size_used_bytes',
      'Of that, used by JavaScript',
      () => process.memoryUsage().heapUsed,
    );
    gauge('nodejs_eventloop_lag_p50_seconds', 'How late timers were since the last scrape', () =>
      inSeconds(lag.percentile(50)),
    );
    gauge('nodejs_eventloop_lag_p99_seconds', 'The same, the 99th percentile', () =>
      inSeconds(lag.percentile(99)),
    );
    gauge('nodejs_eventloop_lag_max_seconds', 'The same, the longest', () => {
      const longest = inSeconds(lag.max);
      lag.reset(); // read last: gauges are collected in the order in which they were made
      return longest;
    });
  }

  start(): void {
    this.lag.enable();
  }

  stop(): void {
    this.lag.disable();
  }
}

/** The histogram counts the whole time between two looks, in nanoseconds; on time is `RESOLUTION_MS`. */
const inSeconds = (nanoseconds: number) =>
  Number.isFinite(nanoseconds) ? Math.max(0, nanoseconds / 1e9 - RESOLUTION_MS / 1e3) : 0;
