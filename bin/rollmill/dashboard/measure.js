/** What follows from tasks and rollers as they are published: who got how much of what was due, and how fast somebody proves. */

/** `{roller, expected, won}` of tasks that paid somebody: wins as the tickets of each lottery let expect them, and as they came. */
export function luck(tasks) {
  const found = new Map();
  const of = (roller) => {
    const key = roller.toLowerCase();
    if (!found.has(key)) found.set(key, { roller: key, expected: 0, won: 0 });
    return found.get(key);
  };
  for (const { entries, settle } of tasks) {
    const winner = entries.find(({ roller }) => roller.toLowerCase() === settle?.roller?.toLowerCase());
    if (!winner) continue;
    const tickets = entries.reduce((sum, entry) => sum + entry.tickets, 0);
    for (const entry of entries) of(entry.roller).expected += entry.tickets / tickets;
    of(winner.roller).won += 1;
  }
  return [...found.values()];
}

/**
 * How what was got is spread over what was due, from `[due, got]`: points from (0, 0) to (1, 1), those who got least for their due first.
 * The diagonal is perfectly fair.
 */
export function concentration(pairs) {
  const sum = (of) => pairs.reduce((total, pair) => total + pair[of], 0);
  const [due, got] = [sum(0), sum(1)];
  if (!(due > 0 && got > 0)) return [];
  const poorest = [...pairs].sort((a, b) => a[1] * b[0] - b[1] * a[0]);
  let [x, y] = [0, 0];
  const points = poorest.map(([part, share]) => {
    x += part / due;
    y += share / got;
    return [Math.min(x, 1), Math.min(y, 1)];
  });
  return [[0, 0], ...points];
}

/** Twice the area between a concentration and the diagonal: 0 is fair, 1 is all for one that was due nothing. */
export function gini(points) {
  const areas = points.slice(1).map(([x, y], i) => (x - points[i][0]) * (y + points[i][1]));
  return Math.max(0, 1 - areas.reduce((sum, area) => sum + area, 0));
}

/** Prover gas per second of a roller's proofs, by batch: measured by itself, and the deadlines do not let it exaggerate downwards. */
export function speeds(tasks, roller) {
  return tasks.flatMap(({ batch, proverGasEstimate, seats }) => {
    const seat = seats.find((seat) => seat.roller.toLowerCase() === roller.toLowerCase() && seat.proveSeconds > 0);
    return seat ? [[batch, proverGasEstimate / seat.proveSeconds]] : [];
  });
}

/** Seats of a roller that it holds against it, newest first: `{task, batch, seat}`. */
export function failures(tasks, roller) {
  const wrong = new Set(["late", "missed", "invalid"]);
  const found = tasks.flatMap(({ task, batch, seats }) =>
    seats
      .filter((seat) => wrong.has(seat.state) && seat.roller.toLowerCase() === roller.toLowerCase())
      .map((seat) => ({ task, batch, seat })),
  );
  return found.reverse();
}
