// Generated from the server by `make web-api`; do not edit.

export interface FireArea {
  type: "Polygon" | "MultiPolygon";
  coordinates: unknown[];
}

export interface FireCollection {
  type: "FeatureCollection";
  /** As asked. */
  bbox: number[] | null;
  start: string;
  end: string;
  /** Whether any of it is. */
  simulated: boolean;
  /** There are more hotspots than `limit`. */
  truncated: boolean;
  notes: string[];
  features: FireFeature[];
}

export interface FireFeature {
  type: "Feature";
  geometry: FirePoint | FireArea;
  properties: FireProperties;
}

export interface FirePoint {
  type: "Point";
  coordinates: number[];
}

export interface FireProperties {
  kind: "hotspot" | "perimeter";
  simulated: boolean;
  /** When the satellite passed, or of the perimeter. */
  time: string;
  source: string;
  licence: string | null;
  attribution: string;
  satellite: string | null;
  instrument: string | null;
  /** low, nominal or high; null where it is not said. */
  confidence: string | null;
  /** Radiated. */
  power_mw: number | null;
  brightness_k: number | null;
  /** Side of the pixel that the fire lies in somewhere. */
  pixel_m: number | null;
  area_ha: number | null;
  /** The simulation that the perimeter is of. */
  simulation: string | null;
  received_at: string | null;
}

export interface InstalledLandscape {
  name: string;
  simulated: boolean;
  cells: number;
  /** m, or the unit of the files' plane. */
  cell_size: number;
  /** West, south, east, north, degrees; null: not known. */
  bounds: number[] | null;
  usable: boolean;
  /** Why it is not usable. */
  problem: string;
}

export interface InstalledLandscapes {
  results: InstalledLandscape[];
  limits: Limits;
}

export interface Legend {
  layer: string;
  title: string;
  /** Null in an index. */
  unit: string | null;
  /** Between two stops colours go evenly with the value's square root. */
  smooth: boolean;
  stops: Stop[];
}

export interface Limits {
  cells: number;
  hours: number;
  members: number;
  cells_members_hours: number;
  vertices: number;
  weather_rows: number;
  jobs_of_a_client: number;
  jobs: number;
  days_kept: number;
}

export interface Links {
  self: string;
  /** The same by an id that may only read: pass this one on. */
  share: string;
  summary: string | null;
  /** A page to print. */
  report: string | null;
  perimeters: string | null;
  arrival: string | null;
  burn_probability: string | null;
  flame_length: string | null;
  smoke: string | null;
  smoke_source: string | null;
  /** Templates with {z}, {x}, {y}. */
  tiles: string[];
}

export interface Listed {
  results: Simulation[];
  /** Pass as `before` for the next page; null at the end. */
  next: string | null;
}

export interface Simulation {
  id: string;
  name: string;
  state: "queued" | "running" | "done" | "failed" | "cancelled";
  /** What is being done, in words. */
  stage: string;
  progress: number;
  /** Jobs that wait before this one; null unless it waits. */
  ahead: number | null;
  /** Why it failed. */
  message: string;
  /** True: the landscape does not exist. */
  simulated: boolean;
  landscape: string;
  start: string;
  hours: number;
  members: number;
  /** What stands for what was not given. */
  assumptions: string[];
  created: string;
  started: string | null;
  finished: string | null;
  /** When it and its results are deleted. */
  expires: string;
  links: Links;
}

export interface Smoke {
  status: "experimental";
  simulated: boolean;
  unit: string;
  north: number;
  west: number;
  step_degrees: number;
  rows: number;
  columns: number;
  hours: SmokeHour[];
  emitted_kg: number;
  /** Still over the map at the end. */
  within_kg: number;
  /** Blown off the map. */
  left_kg: number;
  assumptions: string[];
  links: Record<string, string>;
}

export interface SmokeHour {
  /** End of the hour. */
  time: string;
  heat_mj: number;
  pm25_kg: number;
  /** µg/m³, largest hourly mean of a cell. */
  ground_pm25_max: number;
  plume_height_m: number | null;
}

export interface Stop {
  /** µg/m³, or the index's; null in an index without numbers. */
  value: number | null;
  colour: string;
  /** Text key of the index's band. */
  key: string | null;
}
