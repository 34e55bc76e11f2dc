/** Geometry of the hourly curve: pure functions of numbers. */

export interface Frame {
  width: number;
  height: number;
  top: number;
  bottom: number;
  /** The value at the top. */
  most: number;
}

type Values = readonly (number | null)[];

export const xOf = (frame: Frame, place: number, count: number): number => (place / (count - 1)) * frame.width;

export const yOf = (frame: Frame, value: number): number =>
  frame.bottom - (Math.min(Math.max(value, 0), frame.most) / frame.most) * (frame.bottom - frame.top);

/** Runs of known values: [first, last] positions. */
export function runs(values: Values): [number, number][] {
  const out: [number, number][] = [];
  values.forEach((value, place) => {
    const last = out.at(-1);
    if (value === null) return;
    if (last && last[1] === place - 1) last[1] = place;
    else out.push([place, place]);
  });
  return out;
}

/**
 * A smooth path through a run, never above or below its points (Fritsch & Carlson 1980, doi:10.1137/0717021).
 */
export function smooth(points: readonly (readonly [number, number])[], move = 'M'): string {
  const [start] = points;
  if (!start) return '';
  const slopes = points.slice(1).map(([x, y], i) => (y - points[i]![1]) / (x - points[i]![0]));
  const tangents = points.map((_, i) => {
    const before = slopes[i - 1];
    const after = slopes[i];
    if (before === undefined || after === undefined) return before ?? after ?? 0;
    return before * after <= 0 ? 0 : (2 * before * after) / (before + after);
  });
  let path = `${move}${start[0].toFixed(1)} ${start[1].toFixed(1)}`;
  for (let i = 1; i < points.length; i++) {
    const [x0, y0] = points[i - 1]!;
    const [x1, y1] = points[i]!;
    const third = (x1 - x0) / 3;
    const ends = [x0 + third, y0 + third * tangents[i - 1]!, x1 - third, y1 - third * tangents[i]!, x1, y1];
    path += `C${ends.map((one) => one.toFixed(1)).join(' ')}`;
  }
  return path;
}

export function linePath(frame: Frame, values: Values): string {
  return runs(values)
    .map(([first, last]) => smooth(pointsOf(frame, values, first, last)))
    .join('');
}

function pointsOf(frame: Frame, values: Values, first: number, last: number): [number, number][] {
  return Array.from({ length: last - first + 1 }, (_, step) => {
    const place = first + step;
    return [xOf(frame, place, values.length), yOf(frame, values[place] ?? 0)];
  });
}

/** The area between two lines, where both are known. */
export function bandPath(frame: Frame, low: Values, high: Values): string {
  const both = high.map((value, place) => (low[place] === null ? null : value));
  return runs(both)
    .map(([first, last]) => {
      const over = smooth(pointsOf(frame, high, first, last));
      const under = smooth(pointsOf(frame, low, first, last).reverse(), 'L');
      return `${over}${under}Z`;
    })
    .join('');
}

/** The area between a line and the ground. */
export function areaPath(frame: Frame, values: Values): string {
  return runs(values)
    .map(([first, last]) => {
      const count = values.length;
      const ends = [xOf(frame, last, count), xOf(frame, first, count)].map((x) => `L${x.toFixed(1)} ${frame.bottom}`);
      return `${smooth(pointsOf(frame, values, first, last))}${ends.join('')}Z`;
    })
    .join('');
}

/** A round number at or above the highest value. */
export function ceiling(values: Values, least: number): number {
  const most = Math.max(least, ...values.map((one) => one ?? 0)) * 1.08;
  const unit = 10 ** Math.floor(Math.log10(most));
  return ([1, 1.5, 2, 3, 4, 5, 6, 8, 10].find((step) => step * unit >= most) ?? 10) * unit;
}
