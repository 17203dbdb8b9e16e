import { createHash, randomUUID } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll } from '@jest/globals';
import express from 'express';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';

interface Begun {
  readonly nonce: string;
  readonly challenge: string;
  readonly redirectUri: string;
}

const servers = new Set<Server>();
afterAll(async () => {
  for (const server of servers) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});

/** A small OpenID Connect provider that lets everybody in as whom the test says. */
export class TestProvider {
  issuer = '';
  /** What it says of whoever comes next. */
  claims: Record<string, unknown> = {};
  /** Lies it tells, over what is true. */
  lies: Record<string, unknown> = {};
  /** Signs with a key that it does not publish. */
  foreignKey = false;
  /** Logins begun here, newest last. */
  readonly begun: Begun[] = [];
  private readonly codes = new Map<string, Begun>();

  static async start(): Promise<TestProvider> {
    const provider = new TestProvider();
    const [ours, foreign] = await Promise.all([generateKeyPair('ES256'), generateKeyPair('ES256')]);
    const jwk = { ...(await exportJWK(ours.publicKey)), kid: 'one', alg: 'ES256', use: 'sig' };
    const app = express().use(express.urlencoded({ extended: false }));
    app.get('/.well-known/openid-configuration', (_, response) => {
      const { issuer } = provider;
      response.json({
        issuer,
        authorization_endpoint: `${issuer}/authorize`,
        token_endpoint: `${issuer}/token`,
        jwks_uri: `${issuer}/jwks`,
        response_types_supported: ['code'],
        subject_types_supported: ['public'],
        id_token_signing_alg_values_supported: ['ES256'],
        code_challenge_methods_supported: ['S256'],
      });
    });
    app.get('/jwks', (_, response) => void response.json({ keys: [jwk] }));
    app.get('/authorize', (request, response) => {
      const asked = request.query as Record<string, string>;
      const code = randomUUID();
      const begun = {
        nonce: asked['nonce'] ?? '',
        challenge: asked['code_challenge'] ?? '',
        redirectUri: asked['redirect_uri'] ?? '',
      };
      provider.begun.push(begun);
      provider.codes.set(code, begun);
      const back = new URLSearchParams({ code, state: asked['state'] ?? '' });
      response.redirect(`${begun.redirectUri}?${back}`);
    });
    app.post('/token', async (request, response) => {
      const { code, code_verifier, redirect_uri, client_secret } = request.body;
      const begun = provider.codes.get(code);
      provider.codes.delete(code);
      const challenge = createHash('sha256').update(String(code_verifier)).digest('base64url');
      const fits = begun?.challenge === challenge && begun.redirectUri === redirect_uri;
      if (!fits || client_secret !== 'shop floor') {
        response.status(400).json({ error: 'invalid_grant' });
        return;
      }
      const told = { nonce: begun.nonce, sub: 'subject-1', ...provider.claims, ...provider.lies };
      const token = await new SignJWT(told)
        .setProtectedHeader({ alg: 'ES256', kid: 'one' })
        .setIssuedAt()
        .setIssuer(String(provider.lies['iss'] ?? provider.issuer))
        .setAudience(String(provider.lies['aud'] ?? 'andon'))
        .setExpirationTime(provider.lies['late'] ? '-1h' : '5m')
        .sign(provider.foreignKey ? foreign.privateKey : ours.privateKey);
      response.json({ access_token: randomUUID(), token_type: 'Bearer', id_token: token });
    });
    const server = createServer(app);
    servers.add(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    provider.issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    return provider;
  }
}
