/** A decimal of no more characters, and no exponent, always comes back unchanged from a double. */
const SAFE_LENGTH = 15;

/**
 * Whether a JSON number is still the same number after JavaScript has read and written it.
 * Integers that are written out must also be safe ones: the next program may count on each of them.
 */
export function survives(literal: string): boolean {
  if (literal.length <= SAFE_LENGTH && !/[eE]/.test(literal)) return true;
  const value = Number(literal);
  if (!Number.isFinite(value)) return false;
  if (!/[.eE]/.test(literal) && !Number.isSafeInteger(value)) return false;
  return decimal(literal) === decimal(String(value));
}

/** One text for all ways to write a decimal: sign, digits without outer zeros, power of ten. */
function decimal(literal: string): string {
  const negative = literal.startsWith('-');
  const [mantissa = '', exponent = '0'] = literal.slice(negative ? 1 : 0).split(/[eE]/);
  const [whole = '', fraction = ''] = mantissa.split('.');
  const digits = whole + fraction;
  let first = 0;
  while (digits[first] === '0') first++;
  let end = digits.length;
  while (end > first && digits[end - 1] === '0') end--;
  if (first === end) return '0';
  const power = Number(exponent) - fraction.length + (digits.length - end);
  return `${negative ? '-' : ''}${digits.slice(first, end)}e${power}`;
}
