import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { AppViewRoute } from '@bull-board/api/dist/types.js';
import { ExpressAdapter } from '@bull-board/express';
import type { Response } from 'express';

/**
 * Bull Board's page in a shell of ours: without the fonts it would fetch from a foreign host (a closed
 * network would wait for them), and with a script that says when what is shown has gone stale and signs what
 * the page sends with the token of the session, as our own forms are.
 */
export class BoardShell extends ExpressAdapter {
  private readonly template: string;
  private readonly tokenOf: (response: Response) => string;

  /** @param ui directory of Bull Board's user interface  @param tokenOf of whom the page is for */
  constructor(ui: string, tokenOf: (response: Response) => string) {
    super();
    this.tokenOf = tokenOf;
    this.template = ourShell(readFileSync(join(ui, 'index.ejs'), 'utf8'));
  }

  override setEntryRoute(route: AppViewRoute): this {
    this.app.get(route.route as string[], (_, response) => {
      const { params } = route.handler({ basePath: this.basePath, uiConfig: this.uiConfig });
      // Of this session alone, so kept by no browser for the next one.
      response.set('Cache-Control', 'no-store');
      const andonToken = this.tokenOf(response);
      response.type('html').send(filled(this.template, { ...params, andonToken }));
    });
    return this;
  }
}

function ourShell(stock: string): string {
  const page = stock
    .replace(/<link [^>]*fonts\.googleapis\.com[^>]*>/, '')
    .replace(
      '</head>',
      '<meta name="andon-token" content="<%= andonToken %>"><link href="andon/board.css" rel="stylesheet"><script src="andon/theme.js"></script></head>',
    )
    .replace('</body>', '<script defer src="andon/board.js"></script></body>');
  if (!page.includes('<%- uiConfig %>') || /https?:\/\//.test(page))
    throw new Error(
      'the page of this Bull Board version is not what board/shell.ts was written for',
    );
  return page;
}

/** `<%= x %>` is escaped, `<%- x %>` was made safe by Bull Board. */
function filled(template: string, params: Readonly<Record<string, string>>): string {
  return template.replace(/<%([=-]) (\w+) %>/g, (_, how: string, name: string) => {
    const value = params[name] ?? '';
    return how === '=' ? escaped(value) : value;
  });
}

const escaped = (text: string): string =>
  text.replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);
