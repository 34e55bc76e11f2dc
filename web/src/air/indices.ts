/** Indices and their colours, from what the server generated. */
import { INDICES, type Band, type Index } from '../api/bands';

const BY_NAME = new Map(INDICES.map((index) => [index.name, index]));
export const DEFAULT_SCALE = 'us_aqi';

export const scaleNames = (): string[] => INDICES.map((index) => index.name);
export const isScale = (name: string | null | undefined): name is string => !!name && BY_NAME.has(name);

export function indexNamed(name: string): Index {
  const index = BY_NAME.get(name);
  if (!index) throw new Error(`no index ${name}`);
  return index;
}

export type Palette = 'standard' | 'safe';

export const bandColour = (band: Band, palette: Palette): string => (palette === 'safe' ? band.safe : band.colour);

/** How bad a band is within its index, 0 to 1. */
export const severity = (index: Index, category: number): number => category / (index.bands.length - 1);

function luminance(colour: string): number {
  const parts = [1, 3, 5].map((place) => parseInt(colour.slice(place, place + 2), 16) / 255);
  const [red = 0, green = 0, blue = 0] = parts.map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

/** Black or white, whichever reads better on a colour (WCAG 2.2 contrast). */
export function inkOn(colour: string): string {
  const light = luminance(colour);
  return (light + 0.05) / 0.05 >= 1.05 / (light + 0.05) ? '#000000' : '#ffffff';
}

/** Symbols of pollutants, alike in every language. */
export const SYMBOLS: Record<string, string> = {
  pm25: 'PM₂.₅',
  pm10: 'PM₁₀',
  pm1: 'PM₁',
  no2: 'NO₂',
  o3: 'O₃',
  so2: 'SO₂',
  co: 'CO',
  nh3: 'NH₃',
  pb: 'Pb',
  voc: 'VOC',
};

export const symbol = (pollutant: string): string => SYMBOLS[pollutant] ?? pollutant;
