import { describe, expect, it } from '@jest/globals';
import { Webhook } from 'standardwebhooks';
import { isSecret, makeSecret, sign, verify } from '../../../src/connectors/signature.js';

const now = () => Math.floor(Date.now() / 1000);

describe('signatures of deliveries', () => {
  it('can be checked with the Standard Webhooks library', () => {
    const secret = makeSecret();
    const at = now();
    const body = '{"title":"größe M 👕"}';
    const headers = {
      'webhook-id': '1042',
      'webhook-timestamp': String(at),
      'webhook-signature': sign(secret, '1042', at, body),
    };
    expect(new Webhook(secret).verify(body, headers)).toEqual(JSON.parse(body));
    expect(() => new Webhook(makeSecret()).verify(body, headers)).toThrow();
    expect(() => new Webhook(secret).verify(`${body} `, headers)).toThrow();
  });

  it('are those of the published example', () => {
    const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
    expect(sign(secret, 'msg_p5jXN8AQM9LWM0D4loKWxJek', 1614265330, '{"test": 2432232314}')).toBe(
      'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
    );
  });

  it('are accepted by our own check for five minutes, also among others', () => {
    const secret = makeSecret();
    const at = now();
    const headers = (signature: string) => ({ id: '7', timestamp: String(at), signature });
    const good = sign(secret, '7', at, 'body');
    expect(verify(secret, headers(good), 'body')).toBe(true);
    expect(verify(secret, headers(`v1,AAAA ${good}`), 'body')).toBe(true);
    expect(verify(secret, headers(good), 'Body')).toBe(false);
    expect(verify(secret, headers(''), 'body')).toBe(false);
    expect(verify(secret, headers(good), 'body', at + 301)).toBe(false);
    expect(verify(secret, { ...headers(good), timestamp: 'soon' }, 'body')).toBe(false);
  });

  it('use a new secret each time', () => {
    expect(makeSecret()).not.toBe(makeSecret());
    expect(isSecret(makeSecret())).toBe(true);
  });

  const secretOf = (bytes: number) => `whsec_${Buffer.alloc(bytes, 0xa7).toString('base64')}`;
  it.each([
    [secretOf(24), true],
    [secretOf(64), true],
    [secretOf(23), false],
    [secretOf(65), false],
    [secretOf(32).slice(6), false],
    [`${secretOf(32)}!`, false],
    ['whsec_this is not base64 but it is long enough', false],
    ['', false],
  ])('take %s as a secret: %s', (secret, accepted) => {
    expect(isSecret(secret)).toBe(accepted);
  });
});
