/** An instant: nanoseconds since the Unix epoch, UTC. */
export type Instant = bigint;

const SECOND = 1_000_000_000n;

/**
 * The canonical name of an instant (design: Time): RFC 3339 in UTC with `Z`, nine digits of fraction, or none
 * when the fraction is zero.
 */
export function formatInstant(instant: Instant): string {
  const fraction = ((instant % SECOND) + SECOND) % SECOND;
  const seconds = (instant - fraction) / SECOND;
  const text = new Date(Number(seconds) * 1000).toISOString().slice(0, 19);
  return fraction === 0n ? `${text}Z` : `${text}.${fraction.toString().padStart(9, '0')}Z`;
}

export function earlier(one: Instant, other: Instant): Instant {
  return one < other ? one : other;
}

export function later(one: Instant, other: Instant): Instant {
  return earlier(one, other) === one ? other : one;
}
