/** What is made by posting: the generated client knows only what is got. */
import type { Tracker } from '../api/schema';

export interface OwnerMade {
  id: string;
  token: string;
}

export interface TrackerMade extends Tracker {
  /** Shown this once. */
  key: string;
}
