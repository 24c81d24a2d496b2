// Lines for the log about what anybody can bring about: each error once a minute, so that nobody fills it.

const SILENCE_MS = 60_000;

// When each was last written.
const written = new Map();

export function seldom(event, error) {
  const now = Date.now();
  if (Math.abs(now - written.get(error)) < SILENCE_MS) return;
  written.set(error, now);
  console.error(JSON.stringify({ error, event }));
}
