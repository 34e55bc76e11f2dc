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

export interface JobRun {
  product: string;
  time: string | null;
  state: string;
  started: string | null;
  finished: string | null;
  message: string | null;
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
