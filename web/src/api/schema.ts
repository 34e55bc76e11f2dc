// Generated from the server by `make web-api`; do not edit.

export interface Area {
  name: string;
  /** south, west, north, east: the outer edges of its cells. */
  bounds: number[];
  init_time: string;
  first_time: string;
  last_time: string;
  simulated: boolean;
  stations: number;
}

export interface BandOut {
  key: string;
  lower: number | null;
  upper: number | null;
  colour: string;
  advice: string;
}

export interface Cell {
  domain: string;
  latitude: number;
  longitude: number;
  step_degrees: number;
}

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

export interface Current {
  latitude: number;
  longitude: number;
  status: "ok" | "unknown";
  /** Why it is unknown. */
  reason: string | null;
  cell: Cell | null;
  init_time: string | null;
  /** End of the hour that the values are means of, UTC. */
  time: string | null;
  lead_hours: number | null;
  concentrations: Record<string, Value>;
  indices: Record<string, IndexValue>;
  dominant_pollutant: string | null;
  measured: Measured | null;
  provenance: Provenance | null;
}

export interface CurrentMany {
  results: Current[];
}

export interface DomainStatus {
  name: string;
  init_time: string;
  created_at: string;
  model: string;
  background: string | null;
  simulated: boolean;
  variables: string[];
  indices: string[];
  stations: number;
  /** South, west, north, east of the cells' edges. */
  bounds: number[];
  step_degrees: number;
  first_hour: number;
  last_hour: number;
}

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

export interface Forecast {
  latitude: number;
  longitude: number;
  status: "ok" | "unknown";
  /** Why it is unknown. */
  reason: string | null;
  cell: Cell | null;
  init_time: string | null;
  /** End of each hour, UTC. */
  time: string[];
  concentrations: Record<string, Series>;
  indices: Record<string, IndexSeries>;
  provenance: Provenance | null;
}

export interface ForecastMany {
  results: Forecast[];
}

export interface History {
  latitude: number;
  longitude: number;
  status: "ok" | "unknown";
  /** Why it is unknown. */
  reason: string | null;
  cell: Cell | null;
  time: string[];
  concentrations: Record<string, Series>;
  indices: Record<string, IndexSeries>;
  provenance: HistoryProvenance | null;
}

export interface HistoryMany {
  results: History[];
}

export interface HistoryProvenance {
  kind: "modelled";
  simulated: boolean;
  model: string;
  domain: string;
  notes: string[];
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

export interface IndexOut {
  name: string;
  title: string;
  /** The document and its date. */
  rule_set: string;
  region: string;
  pollutants: string[];
  averaging: Record<string, string>;
  /** False: bands only, no number. */
  has_value: boolean;
  bands: BandOut[];
}

export interface IndexSeries {
  value: (number | null)[];
  category: (number | null)[];
  dominant: (number | null)[];
  /** The index were all concentrations at their 10 % quantile (q90: 90 %); without numbers, the band's position. */
  q10: (number | null)[];
  q90: (number | null)[];
  /** Text keys of the bands, best first, as in /v1/indices. */
  categories: string[];
  pollutants: string[];
}

export interface IndexValue {
  value: number | null;
  /** The index were all concentrations at their 10 % quantile (q90: 90 %); without numbers, the band's position. */
  q10: number | null;
  q90: number | null;
  category: string | null;
  colour: string | null;
  advice: string | null;
  dominant: string | null;
  /** Pollutants with a known sub-index; none: index unknown. */
  from: string[];
  /** Sub-index (or category number) by pollutant. */
  sub: Record<string, number | null>;
  rule_set: string;
}

export interface IndicesOut {
  indices: IndexOut[];
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

export interface JobRun {
  product: string;
  time: string | null;
  state: string;
  started: string | null;
  finished: string | null;
  message: string | null;
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

export interface LeadScore {
  first_lead: number;
  last_lead: number;
  /** Pairs of a forecast and a measurement. */
  n: number;
  /** Of what was measured. */
  mean: number | null;
  /** Mean absolute error. */
  mae: number | null;
  /** Mean of forecast less measured. */
  bias: number | null;
  /** Share measured within the forecast's 10-90 % interval; 0.8 is meant. */
  coverage: number | null;
  /** Share whose band, of the pollutant alone, was the one forecast. */
  band_hit: number | null;
  /** Why nothing is said. */
  reason: string | null;
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

export interface MapCities {
  name: string[];
  latitude: number[];
  longitude: number[];
  population: number[];
  attribution: string;
}

export interface MapLayers {
  now: string;
  clock_speed: number;
  /** Names that `/v1/tiles/{layer}` draws something of. */
  layers: string[];
  air: Area[];
  rain: Area[];
}

export interface MapStations {
  /** Changes with the list; `/v1/map/values` repeats it. */
  tag: string;
  id: string[];
  name: string[];
  kind: string[];
  latitude: number[];
  longitude: number[];
}

export interface MapValues {
  tag: string;
  layer: string;
  /** End of the hour. */
  time: string;
  /** µg/m³, or the index's number. */
  value: (number | null)[];
  /** Position among the index's bands; of pollutants null. */
  category: (number | null)[];
  /** The station's own value; else the model's where it stands. */
  measured: boolean[];
}

export interface Measured {
  station_id: string;
  distance_km: number;
  values: Record<string, MeasuredValue>;
}

export interface MeasuredValue {
  value: number | null;
  unit: string;
  /** End of the averaging period, UTC. */
  time: string;
  period_s: number;
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

export interface NewestFrame {
  time: string;
  age_minutes: number;
}

export interface NewestInput {
  time: string;
  age_minutes: number;
}

export interface ObservationOut {
  time: string;
  period_s: number;
  variable: string;
  value: number;
  unit: string;
  uncertainty: number | null;
  coverage: number | null;
  /** QARTOD: 1 pass, 2 not evaluated, 3 suspect, 4 fail. */
  quality_flag: number;
  received_at: string;
}

export interface ObservationPage {
  station_id: string;
  simulated: boolean;
  observations: ObservationOut[];
  next: string | null;
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

export interface PlaceFound {
  name: string;
  /** ISO 3166-1 alpha-2. */
  country: string;
  latitude: number;
  longitude: number;
  population: number;
  /** IANA name. */
  timezone: string;
}

export interface Places {
  places: PlaceAsked[];
}

export interface PlacesFound {
  places: PlaceFound[];
  attribution: string;
}

export interface PointGeometry {
  type: "Point";
  coordinates: number[];
}

export interface PollutantScores {
  unit: string;
  leads: LeadScore[];
}

export interface Problem {
  type: string;
  title: string;
  status: number;
  detail: string;
  errors?: ProblemEntry[] | null;
}

export interface ProblemEntry {
  parameter: string;
  value: string;
  limit: string;
}

export interface Provenance {
  kind: "measured" | "modelled";
  /** True: made by the simulated atmosphere, not measured anywhere. */
  simulated: boolean;
  model: string;
  background: string | null;
  domain: string;
  stations: StationUsed[];
  newest_input: NewestInput | null;
  notes: string[];
  answered_at: string;
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

export interface RadarSource {
  name: string;
  title: string | null;
  licence: string | null;
  attribution: string | null;
}

export interface RainArea {
  status: "ok" | "degraded" | "unknown";
  reason: string | null;
  domain: string | null;
  init_time: string | null;
  quantity: string;
  unit: string;
  grid: RainGrid | null;
  /** What each number is for, UTC. */
  time: string[];
  lead_minutes: number[];
  values: (((number | null)[])[])[];
  provenance: RainProvenance | null;
}

export interface RainGrid {
  north: number;
  west: number;
  step_degrees: number;
  rows: number;
  columns: number;
}

export interface RainPoint {
  latitude: number;
  longitude: number;
  status: "ok" | "degraded" | "unknown";
  /** Why it is unknown or degraded. */
  reason: string | null;
  cell: Cell | null;
  /** When the newest frame was measured. */
  init_time: string | null;
  /** What each number is for, UTC. */
  time: string[];
  /** After init_time; 0 is measured, the rest is modelled. */
  lead_minutes: number[];
  /** Of each step. */
  kind: ("measured" | "modelled")[];
  rain_rate: RainRate;
  /** 0 to 1, of at least so many mm/h. */
  chance: Record<string, (number | null)[]>;
  totals: RainTotal[];
  words: RainWords;
  provenance: RainProvenance | null;
}

export interface RainPoints {
  results: RainPoint[];
}

export interface RainProvenance {
  /** True: no radar measured it. */
  simulated: boolean;
  model: string;
  sources: RadarSource[];
  newest_frame: NewestFrame;
  created_at: string;
  degraded: boolean;
  notes: string[];
  answered_at: string;
}

export interface RainRate {
  unit: string;
  /** The best single number under the error of log(1 + rate). */
  value: (number | null)[];
  q10: (number | null)[];
  q90: (number | null)[];
}

export interface RainSpell {
  /** Null: it rains from the first time on. */
  start: string | null;
  /** Null: it still rains at the last time known. */
  end: string | null;
  /** Text key: rain.light, .moderate, .heavy or .violent (WMO-No. 8). */
  intensity: string;
  /** mm/h */
  peak: number;
  /** Mean chance of rain in it, 0 to 1. */
  confidence: number;
}

export interface RainTotal {
  minutes: number;
  /** That any step has at least 0.1 mm/h, 0 to 1. */
  chance: number | null;
  unit: string;
  q10: number | null;
  q50: number | null;
  q90: number | null;
}

export interface RainWords {
  key: "rain.starts" | "rain.ends" | "rain.goes_on" | "rain.perhaps" | "rain.none" | "rain.unknown";
  text: string;
  /** Of any rain until `until`. */
  chance: number | null;
  confidence: number | null;
  until: string | null;
  spells: RainSpell[];
}

export interface Samples {
  tracker: string;
  units: Record<string, string>;
  columns: Record<string, unknown[]>;
  /** By what each quantity was corrected, in words. */
  corrections: Record<string, string>;
  next: string | null;
}

export interface ScoredStation {
  id: string;
  name: string;
  distance_km: number | null;
}

export interface Scores {
  station: ScoredStation | null;
  /** Why nothing is known. */
  reason: string | null;
  days: number;
  start: string | null;
  end: string | null;
  /** The index whose bands are meant. */
  judge: string;
  simulated: boolean;
  pollutants: Record<string, PollutantScores>;
}

export interface Series {
  unit: string;
  value: (number | null)[];
  q10: (number | null)[];
  q90: (number | null)[];
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

export interface SourceStatus {
  name: string;
  title: string | null;
  licence: string | null;
  attribution: string | null;
  terms_url: string | null;
  /** End of the newest period it ever gave. */
  newest_time: string | null;
  age_minutes: number | null;
  last_attempt: string | null;
  last_success: string | null;
  last_error: string | null;
}

export interface StationCollection {
  type: "FeatureCollection";
  features: StationFeature[];
  next: string | null;
}

export interface StationFeature {
  type: "Feature";
  id: string;
  geometry: PointGeometry;
  properties: StationProperties;
}

export interface StationProperties {
  id: string;
  source: string;
  name: string;
  kind: string;
  operator: string;
  timezone: string;
  licence: string;
  attribution: string;
  simulated: boolean;
}

export interface StationUsed {
  id: string;
  name: string;
  kind: string;
  source: string;
  attribution: string;
  licence: string;
  distance_km: number;
  measured_at: string | null;
  age_minutes: number | null;
  variables: string[];
}

export interface StatusOut {
  version: string;
  /** By the data's own clock: a replay's runs elsewhere in time. */
  now: string;
  clock_speed: number;
  /** True when any published domain is simulated. */
  simulated: boolean;
  domains: DomainStatus[];
  sources: SourceStatus[];
  jobs: JobRun[];
  notes: string[];
}

export interface StayedAt {
  /** home, work, `place N`, or the owner's name for it. */
  label: string;
  latitude: number;
  longitude: number;
  seconds: number;
  stays: number;
}

export interface Stop {
  /** µg/m³, or the index's; null in an index without numbers. */
  value: number | null;
  colour: string;
  /** Text key of the index's band. */
  key: string | null;
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

export interface Value {
  value: number | null;
  unit: string;
  q10: number | null;
  q90: number | null;
  kind: "measured" | "modelled";
}

export interface Weather {
  status: "ok" | "unknown";
  reason: string | null;
  now: string;
  /** End of each hour, UTC: a forecast's next hours, or those measured. */
  time: string[];
  values: WeatherSeries;
  provenance: WeatherProvenance | null;
}

export interface WeatherProvenance {
  kind: "measured" | "forecast";
  simulated: boolean;
  station_id: string;
  name: string;
  distance_km: number;
  attribution: string;
  licence: string;
}

export interface WeatherSeries {
  /** °C. */
  temperature: (number | null)[];
  /** %. */
  relative_humidity: (number | null)[];
  /** m/s. */
  wind_speed: (number | null)[];
  /** Degrees clockwise from north; null in a calm. */
  wind_from_direction: (number | null)[];
  /** mm in the hour. */
  rain: (number | null)[];
}
