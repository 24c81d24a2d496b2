// Lines for the log about what anybody can bring about: each once a minute, so that nobody fills it.

const SILENCE_MS = 60_000;

// When each was last written.
const written = new Map();

export function seldom(event, error) {
  const line = JSON.stringify({ error, event });
  const now = Date.now();
  if (Math.abs(now - written.get(line)) < SILENCE_MS) return;
  written.set(line, now);
  console.error(line);
}
