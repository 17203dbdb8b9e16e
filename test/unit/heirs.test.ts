import { describe, expect, it } from '@jest/globals';
import { type Candidate, eligible } from '../../src/redis/heirs.js';

const replica = (address: string, more: Partial<Candidate> = {}): Candidate => ({
  address,
  up: true,
  linked: true,
  priority: 100,
  offset: 500,
  ...more,
});
const names = (...all: Candidate[]) => eligible(all).map(({ address }) => address);

describe('who may take over from a master', () => {
  it('everybody who answers, however far behind: what a Sentinel knows of that is seconds old', () => {
    expect(names(replica('a'), replica('b', { offset: 1 }))).toEqual(['a', 'b']);
  });

  it('nobody who is down, or who never may', () => {
    expect(names(replica('a'), replica('b', { up: false }))).toEqual(['a']);
    expect(names(replica('a'), replica('b', { priority: 0 }))).toEqual(['a']);
  });

  it('one that lost its master, only when no other is ahead of it', () => {
    const cut = { linked: false, offset: 400 };
    expect(names(replica('a'), replica('b', cut))).toEqual(['a']);
    expect(names(replica('a', { offset: 400 }), replica('b', cut))).toEqual(['a', 'b']);
    expect(names(replica('a', { up: false }), replica('b', cut))).toEqual(['b']);
    expect(names(replica('a', { linked: false }), replica('b', cut))).toEqual(['a', 'b']);
  });

  it('one that lost its master and would be preferred all the same', () => {
    const cut = { linked: false, offset: 400, priority: 50 };
    expect(names(replica('a'), replica('b', cut))).toEqual(['a', 'b']);
  });
});
