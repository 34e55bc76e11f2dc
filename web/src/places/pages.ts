/** The pages beyond the first screen; they come when first asked for. */
import type { Component } from 'svelte';
import type { Page } from '../app/address.svelte';
import PlacePage from './PlacePage.svelte';
import PlacesPage from './PlacesPage.svelte';
import SettingsPage from './SettingsPage.svelte';
import ShellPage from './ShellPage.svelte';

export const PAGES: Partial<Record<Page, Component>> = {
  places: PlacesPage,
  place: PlacePage,
  settings: SettingsPage,
  tracker: ShellPage,
  alerts: ShellPage,
};
