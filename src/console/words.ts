/** An error's message as a sentence for people. */
export const sentence = (text: string): string => {
  const words = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(words) ? words : `${words}.`;
};

/** "thandi" of the actor "user thandi", the address of one who acts from a mail; others as they are. */
export const personIn = (actor: string): string => actor.replace(/^(user |mail:)/, '');
