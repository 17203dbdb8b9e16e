import { caused } from './caused.js';
import type { Line, Settings } from './history.js';
import { acceptance, fence, invented, key } from './identity.js';
import { neighbours } from './neighbours.js';
import { accounted, drain } from './outcome.js';
import { paused } from './paused.js';
import { again, block, order, overlap } from './sequence.js';
import { type Rule, type RuleName, tell, type Violation } from './story.js';
import { told } from './told.js';

const rules: Record<RuleName, Rule> = {
  acceptance,
  order,
  overlap,
  block,
  again,
  accounted,
  invented,
  key,
  fence,
  drain,
  neighbours,
  caused,
  paused,
  told,
};

/**
 * Judges a history: every way in which it breaks what Andon promises, none when it keeps it all.
 * It knows the promises and nothing of how they are kept: no line of it is the product's.
 */
export function check(lines: readonly Line[], settings: Settings): Violation[] {
  const story = tell(lines, settings);
  return Object.entries(rules).flatMap(([name, rule]) =>
    [...rule(story)].map((found) => ({ rule: name as RuleName, ...found })),
  );
}
