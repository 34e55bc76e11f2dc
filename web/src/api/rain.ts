// Generated from the server by `make web-api`; do not edit.

import type { Cell } from './air';

export interface NewestFrame {
  time: string;
  age_minutes: number;
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
