// How far a zone is from UTC at a time (unix seconds), in seconds, east being positive; nothing where there is no zone of
// this name. The platform writes the time as a clock there shows it, and that is compared.
export function offset(zone, at) {
  const numeric = Object.fromEntries(["year", "month", "day", "hour", "minute"].map((part) => [part, "numeric"]));
  let parts;
  try {
    const format = new Intl.DateTimeFormat("en-US", { timeZone: zone, hourCycle: "h23", ...numeric });
    parts = Object.fromEntries(format.formatToParts(at * 1000).map(({ type, value }) => [type, Number(value)]));
  } catch {
    // It throws where there is no such zone.
    return undefined;
  }
  return Date.UTC(parts.year, parts.month - 1, parts.day, parts.hour, parts.minute) / 1000 - at;
}
