/** What is said of one hour at a place. */
import { type Palette, bandColour, indexNamed, severity } from '../air/indices';
import { BACK, type Outlook } from '../air/outlook';

export interface Moment {
  when: number;
  /** The index's number; null unknown or without numbers. */
  value: number | null;
  category: number | null;
  /** Text key of the band; null unknown. */
  band: string | null;
  colour: string | null;
  severity: number | null;
  dominant: string | null;
  kind: 'measured' | 'modelled' | 'forecast' | 'analysis';
}

/** One hour, `hour` after now, in a scale. */
export function momentOf(outlook: Outlook, scale: string, hour: number, palette: Palette): Moment {
  const index = indexNamed(scale);
  const bands = outlook.indices[scale];
  const place = BACK + hour;
  const category = bands?.category[place] ?? null;
  const band = category === null ? undefined : index.bands[category];
  const measured = outlook.answers.current.provenance?.kind === 'measured';
  return {
    when: outlook.times[place]!,
    value: band ? (bands?.value[place] ?? null) : null,
    category,
    band: band?.key ?? null,
    colour: band ? bandColour(band, palette) : null,
    severity: category === null ? null : severity(index, category),
    dominant: bands?.dominant[place] ?? null,
    kind: hour > 0 ? 'forecast' : hour < 0 ? 'analysis' : measured ? 'measured' : 'modelled',
  };
}
