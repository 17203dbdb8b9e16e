import { describe, expect, it } from '@jest/globals';
import { isOutage, troubleOf } from '../../src/redis/outage.js';

const reply = (message: string) => Object.assign(new Error(message), { name: 'ReplyError' });

describe('an outage', () => {
  it.each([
    ['OOM command not allowed when used memory > maxmemory', /full/],
    ['MISCONF Redis is configured to save RDB snapshots, but …', /disk/],
    // As Redis 6.2 tells it from inside a script.
    [
      'ERR Error running script (call to f_1): @user_script:1: -READONLY You can’t write',
      /replica/,
    ],
    ['WRONGPASS invalid username-password pair or user is disabled.', /password/],
    ['BUSY Redis is busy running a script.', /script/],
  ])('"%s" is told with what to do', (message, told) => {
    expect(isOutage(reply(message))).toBe(true);
    expect(troubleOf(reply(message))).toMatch(told);
  });

  it('is none when we asked wrongly, or when an item tells of one', () => {
    expect(isOutage(reply('WRONGTYPE Operation against a key'))).toBe(false);
    expect(isOutage(reply('ERR Error running script: attempt to index a nil value'))).toBe(false);
    expect(isOutage(new Error('OOM is what the shop says'))).toBe(false);
  });
});
