import { createHash, randomBytes } from 'node:crypto';
import type { Redis } from 'ioredis';
import * as oidc from 'openid-client';
import { z } from 'zod';
import type { Config } from '../config/load.js';
import type { FileConfig } from '../config/schema.js';
import { NotAllowed } from '../errors.js';
import type { Keys } from '../redis/keys.js';
import { type Role, roles } from './roles.js';
import { userNameSchema } from './users.js';

/** How long a login at the provider may take, in seconds. */
const PATIENCE_S = 600;

const startedSchema = z.object({
  state: z.string(),
  nonce: z.string(),
  verifier: z.string(),
  redirectUri: z.string(),
  next: z.string(),
});

/** Somebody whom the provider knows, in our words. */
export interface Recognised {
  readonly name: string;
  readonly fullName: string;
  readonly role: Role;
  readonly clients: readonly string[] | null;
  /** `issuer subject`: this person, whatever the name becomes. */
  readonly identity: string;
}

type Mapping = FileConfig['login']['provider'];

/** Login by OpenID Connect: code flow with PKCE, state and nonce. */
export class Provider {
  readonly label: string;
  private readonly redis: Redis;
  private readonly prefix: string;
  private readonly settings: NonNullable<Config['oidc']>;
  private readonly mapping: Mapping;
  private found: Promise<oidc.Configuration> | null = null;

  constructor(redis: Redis, keys: Keys, settings: NonNullable<Config['oidc']>, mapping: Mapping) {
    this.label = mapping.label;
    this.redis = redis;
    this.prefix = keys.registry.signIn;
    this.settings = settings;
    this.mapping = mapping;
  }

  /** Where the browser goes to log in, and the secret it keeps until it comes back. */
  async begin(redirectUri: string, next: string): Promise<{ url: string; secret: string }> {
    const configuration = await this.discover();
    const secret = randomBytes(32).toString('base64url');
    const started = {
      state: oidc.randomState(),
      nonce: oidc.randomNonce(),
      verifier: oidc.randomPKCECodeVerifier(),
      redirectUri,
      next,
    };
    await this.redis.set(this.keyOf(secret), JSON.stringify(started), 'EX', PATIENCE_S);
    const url = oidc.buildAuthorizationUrl(configuration, {
      redirect_uri: redirectUri,
      scope: this.mapping.scope,
      state: started.state,
      nonce: started.nonce,
      code_challenge: await oidc.calculatePKCECodeChallenge(started.verifier),
      code_challenge_method: 'S256',
    });
    return { url: url.href, secret };
  }

  /**
   * Who came back, and where that one wanted to go. `query` is what the provider gave along. Works once.
   * @throws NotAllowed with what to do
   */
  async finish(secret: string, query: string): Promise<{ who: Recognised; next: string }> {
    const text = secret ? await this.redis.getdel(this.keyOf(secret)) : null;
    if (text === null) {
      throw new NotAllowed('this login took too long or was begun in another browser: begin again');
    }
    const started = startedSchema.parse(JSON.parse(text));
    const claims = await this.claims(new URL(`${started.redirectUri}${query}`), started);
    return { who: recognise(claims, this.mapping), next: started.next };
  }

  private async claims(url: URL, started: z.infer<typeof startedSchema>): Promise<oidc.IDToken> {
    const configuration = await this.discover();
    try {
      const tokens = await oidc.authorizationCodeGrant(configuration, url, {
        pkceCodeVerifier: started.verifier,
        expectedState: started.state,
        expectedNonce: started.nonce,
        idTokenExpected: true,
      });
      const claims = tokens.claims();
      if (claims) return claims;
    } catch (error) {
      throw new NotAllowed(
        `the provider's answer was not accepted (${reasonOf(error)}): begin again`,
      );
    }
    throw new NotAllowed('the provider did not say who you are: begin again');
  }

  /** What the provider says of itself; asked once, and again after it could not be reached. */
  private discover(): Promise<oidc.Configuration> {
    this.found ??= this.ask().catch((error) => {
      this.found = null;
      throw new NotAllowed(
        `the provider ${this.settings.issuer} cannot be reached: log in with a password, or try again later (${reasonOf(error)})`,
      );
    });
    return this.found;
  }

  private ask(): Promise<oidc.Configuration> {
    const { issuer, clientId, clientSecret } = this.settings;
    // Without TLS only on this machine, where nobody is in between.
    const local = /^http:\/\/(127\.0\.0\.1|\[::1\]|localhost)[:/]/.test(`${issuer}/`);
    return oidc.discovery(new URL(issuer), clientId, clientSecret, undefined, {
      timeout: 10,
      // Without the second, a token that came straight from the provider is believed unsigned.
      execute: [...(local ? [oidc.allowInsecureRequests] : []), oidc.enableNonRepudiationChecks],
    });
  }

  private keyOf(secret: string): string {
    return this.prefix + createHash('sha256').update(secret).digest('base64url');
  }
}

/** What the provider's claims make somebody here. @throws NotAllowed when that is nothing */
export function recognise(claims: oidc.IDToken, mapping: Mapping): Recognised {
  const given = claims[mapping.nameClaim];
  const name = userNameSchema.safeParse(given);
  if (!name.success) {
    throw new NotAllowed(`the provider names no usable "${mapping.nameClaim}" for you`);
  }
  // Whoever may type any address there must not become its owner here.
  if (mapping.nameClaim === 'email' && claims['email_verified'] === false) {
    throw new NotAllowed('the provider has not verified your email address');
  }
  const role = strongest(valuesOf(claims[mapping.roleClaim]), mapping.roles);
  if (!role) throw new NotAllowed('no group of yours at the provider gives you a role in Andon');
  return {
    name: name.data,
    fullName: String(claims['name'] ?? '').slice(0, 100),
    role,
    clients: clientsOf(claims, mapping),
    identity: `${claims.iss} ${claims.sub}`,
  };
}

function strongest(values: readonly string[], map: Mapping['roles']): Role | null {
  const given = values.flatMap((value) => (Object.hasOwn(map, value) ? (map[value] ?? []) : []));
  return [...roles].reverse().find((role) => given.includes(role)) ?? null;
}

function clientsOf(claims: oidc.IDToken, { clientsClaim, clients }: Mapping): string[] | null {
  if (!clientsClaim) return null;
  const given = valuesOf(claims[clientsClaim]).flatMap((value) =>
    Object.hasOwn(clients, value) ? (clients[value] ?? []) : [],
  );
  if (given.includes('*')) return null;
  if (given.length > 0) return [...new Set(given)];
  throw new NotAllowed('nothing at the provider says whose queues you may see');
}

/** A claim holds one value or several. */
const valuesOf = (claim: unknown): string[] =>
  (Array.isArray(claim) ? claim : [claim]).filter((one) => typeof one === 'string');

function reasonOf(error: unknown): string {
  if (error instanceof oidc.AuthorizationResponseError) return error.error;
  return error instanceof Error ? error.message : String(error);
}
