import { existsSync } from 'node:fs';
import { afterAll } from '@jest/globals';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';

export interface TestPage {
  readonly page: Page;
  readonly context: BrowserContext;
  /** What scripts should never do: dialogs that opened, errors that were thrown, scripts that the CSP refused. */
  readonly trouble: string[];
}

export interface Looks {
  readonly width?: number;
  readonly height?: number;
  readonly dark?: boolean;
}

/** A phone as many people hold it. */
export const phone: Looks = { width: 390, height: 844 };

/**
 * A real Chromium for one test file, closed when its tests are done:
 * `const browser = openBrowser()` at its top, then `const { page } = await browser.page()`.
 */
export function openBrowser(): { page(looks?: Looks): Promise<TestPage> } {
  let browser: Promise<Browser> | null = null;
  const contexts: BrowserContext[] = [];
  afterAll(async () => {
    for (const context of contexts) await context.close();
    await (await browser)?.close();
  });
  return {
    async page({ width = 1280, height = 800, dark = false } = {}) {
      browser ??= launch();
      const context = await (await browser).newContext({
        viewport: { width, height },
        colorScheme: dark ? 'dark' : 'light',
        reducedMotion: 'reduce',
      });
      contexts.push(context);
      const page = await context.newPage();
      const trouble: string[] = [];
      page.on('dialog', (dialog) => {
        trouble.push(`dialog: ${dialog.message()}`);
        void dialog.dismiss();
      });
      page.on('pageerror', (error) => trouble.push(`error: ${error.message}`));
      page.on('console', (line) => {
        if (/Content Security Policy/.test(line.text())) trouble.push(`refused: ${line.text()}`);
      });
      return { page, context, trouble };
    },
  };
}

function chromiumPath(): string {
  const candidates = ['/usr/bin/chromium', '/usr/bin/chromium-browser'];
  const found = process.env['ANDON_CHROMIUM'] || candidates.find((path) => existsSync(path));
  if (found) return found;
  throw new Error('there is no Chromium: install it, or set ANDON_CHROMIUM to its path');
}

const launch = () =>
  chromium.launch({
    executablePath: chromiumPath(),
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });

/** Whether something stands out to the right of the page, so that a phone would scroll sideways. */
export const scrollsSideways = (page: Page): Promise<boolean> =>
  page.evaluate('document.documentElement.scrollWidth > document.documentElement.clientWidth');

/** Texts that run, break out or hide when a page takes them for more than text. */
export const hostileTexts: readonly string[] = [
  '<script>alert("script")</script>',
  '<img src=x onerror=alert("img")>',
  '"><svg onload=alert("svg")>',
  "' autofocus onfocus=alert('attribute') x='",
  'javascript:alert("url")',
  '</title><script>alert("title")</script>',
  '</textarea><script>alert("textarea")</script>',
  '<iframe srcdoc="<script>parent.alert(1)</script>"></iframe>',
  '{{constructor.constructor("alert(1)")()}}',
  '<a href="javascript:alert(1)">click</a>',
  '<style>*{display:none}</style>',
  '<!--',
  ']]><x>',
  '\u202egnp.elif',
];
