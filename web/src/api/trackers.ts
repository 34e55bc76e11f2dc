// Generated from the server by `make web-api`; do not edit.

export interface CellFeature {
  type: "Feature";
  id: string;
  geometry: CellShape;
  properties: CellProperties;
}

export interface CellProperties {
  /** H3. */
  cell: string;
  /** Coarser than asked where finer cells have too few owners. */
  resolution: number;
  variable: string;
  /** Median of the owners' corrected medians. */
  value: number;
  unit: string;
  /** Standard deviation of the value. */
  uncertainty: number;
  /** Hours that owners spent here, with noise. */
  owner_hours: number;
  start: string;
  end: string;
}

export interface CellShape {
  type: "Polygon";
  coordinates: number[][][];
}

export interface CrowdCells {
  type: "FeatureCollection";
  bbox: number[];
  variable: string;
  period: string;
  /** Null where nothing is shared. */
  start: string | null;
  /** When the map was made; null where there is none. */
  made: string | null;
  /** Seconds since the end of the period. */
  age_s: number | null;
  /** Owners behind every cell, at least. */
  k: number;
  /** Of each count's Laplace noise. */
  epsilon: number;
  truncated: boolean;
  notes: string[];
  features: CellFeature[];
}

export interface ImportShown {
  id: string;
  state: "running" | "done" | "failed";
  created: string;
  finished: string | null;
  message: string;
  /** What became of its rows. */
  report: Record<string, unknown> | null;
}

export interface Imports {
  imports: ImportShown[];
}

export interface LabelAsked {
  field: "mode" | "surroundings";
  /** ISO 8601; without offset it is UTC. */
  start: string;
  /** ISO 8601; without offset it is UTC. */
  end: string;
  /** still, walk, cycle, vehicle; indoors, outdoors. */
  value: string;
}

export interface Labels {
  labels: LabelAsked[];
}

export interface Moments {
  /** End of the sample. */
  time: string[];
  latitude: (number | null)[];
  longitude: (number | null)[];
  /** Why a sample is doubtful or how its place is known, parted by |. */
  flags: string[];
  /** Quantities that are doubtful, parted by |. */
  suspect: string[];
  /** Of the index. */
  value: (number | null)[];
  /** Position of the index's band; -1 unknown. */
  category: number[];
}

export interface Owner {
  id: string;
  created: string;
  trackers: number;
  tokens: TokenShown[];
}

export interface PlaceAsked {
  name: string;
  latitude: number;
  longitude: number;
  radius_m?: number;
  indoor?: boolean | null;
}

export interface Places {
  places: PlaceAsked[];
}

export interface Quantity {
  unit: string;
  /** As the device said, what is doubtful included. */
  raw: (number | null)[];
  /** Unknown where doubtful. */
  corrected: (number | null)[];
  /** One standard deviation of the corrected value. */
  uncertainty: (number | null)[];
}

export interface Samples {
  tracker: string;
  units: Record<string, string>;
  columns: Record<string, unknown[]>;
  /** By what each quantity was corrected, in words. */
  corrections: Record<string, string>;
  next: string | null;
}

export interface SharedPeriod {
  /** ISO 8601; without offset it is UTC. */
  start: string;
  /** None: from `start` on. */
  end?: string | null;
}

export interface Sharing {
  periods: SharedPeriod[];
}

export interface StayedAt {
  /** home, work, `place N`, or the owner's name for it. */
  label: string;
  latitude: number;
  longitude: number;
  seconds: number;
  stays: number;
}

export interface Stretch {
  start: string;
  end: string;
  /** unknown, still, walk, cycle, vehicle. */
  mode: string;
  /** unknown, indoors, outdoors, vehicle. */
  surroundings: string;
  /** Position in `places`; null: at none. */
  place: number | null;
  /** Number of the trip; null: on none. */
  trip: number | null;
  /** That the surroundings are so, 0 to 1; what was told is 1. */
  confidence: number | null;
}

export interface Timeline {
  tracker: string;
  utc_offset_s: number;
  index: string;
  /** Seconds that a row stands for. */
  period_s: number;
  columns: Moments;
  variables: Record<string, Quantity>;
  /** Quantity -> what corrected it. */
  corrections: Record<string, string>;
  places: StayedAt[];
  stretches: Stretch[];
}

export interface TokenShown {
  prefix: string;
  created: string;
}

export interface Tracker {
  id: string;
  name: string;
  model: string;
  serial: string | null;
  latitude: number | null;
  longitude: number | null;
  created: string;
  samples: number;
  first: string | null;
  last: string | null;
}

export interface Trackers {
  trackers: Tracker[];
}
